import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { asyncapi } from '../src/core/asyncapi.ts'
import { version } from '../src/version.ts'

/** What the page at `/docs` may load: its own files, and requests to this service. */
const PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const DESCRIPTION = `Real-time rooms and presence. The WebSocket protocol is described by AsyncAPI in \`docs/asyncapi.json\`, and in words in docs/protocol.md.

Every error has the one body \`{statusCode, code, error, message}\`; the code is stable. Beside what each route lists, any request may be answered
400 \`request_invalid\`, 408 \`request_timeout\` or 431 \`headers_too_large\` before it reaches one; its connection ends then.`

const tags = [
  { name: 'publish', description: 'How backend services reach rooms, users and everyone' },
  { name: 'presence', description: 'Who is online, on any node' },
  { name: 'rooms', description: 'Which rooms are in use, who is in them, and what was published there' },
  { name: 'connections', description: 'How clients connect, and how they are ended' },
  { name: 'nodes', description: 'Which nodes there are' },
  { name: 'console', description: 'For the page at `/console`, where it is served' },
  { name: 'health', description: 'For supervisors and load balancers' }
]

/** Of REST; by `needsScope` each route says which scope it asks for. */
const restSchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'A key of `API_KEYS`, with the scope that the route names' },
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token, with the scope that the route names in its claim `scope`' }
} as const

/** Of `/ws`: where a client's token may stand. */
const connectionSchemes = {
  clientToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A client\'s token' },
  clientTokenProtocol: { type: 'apiKey', in: 'header', name: 'sec-websocket-protocol', description: 'For browsers, which can set no header: `roomcast.v1, bearer.<token>`' },
  clientTokenQuery: { type: 'apiKey', in: 'query', name: 'token', description: 'Where nothing else can be set; it is never logged here, but proxies may log it' }
} as const

const securitySchemes = { ...restSchemes, ...connectionSchemes }

type TransformObject = NonNullable<Extract<Parameters<typeof fastifySwagger>[1], { transformObject?: unknown }>['transformObject']>

/** Says of each route what it asks for, which it could not say itself where a host describes it too. */
const secured: TransformObject = description => {
  if (!('openapiObject' in description)) throw new Error('the description is not OpenAPI')
  const operations = Object.values(description.openapiObject.paths ?? {}).flatMap(path => Object.values(path ?? {}) as Array<Record<string, unknown>>)
  for (const operation of operations) {
    const { 'x-security': security } = operation
    delete operation['x-security']
    if (security !== undefined) operation['security'] = security
  }
  return description.openapiObject
}

/** Describes the routes of this scope as OpenAPI, at `/docs`, and the protocol of its connections as AsyncAPI, at `/docs/asyncapi.json`. */
export default fp(async (app: FastifyInstance) => {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Roomcast', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      tags,
      components: { securitySchemes }
    },
    transformObject: secured
  })
  await app.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: PAGE_POLICY })
  const protocol = asyncapi({ version, path: `${app.prefix}/ws` })
  app.get('/docs/asyncapi.json', { schema: { hide: true } }, async () => protocol)
}, { name: 'roomcast-openapi', fastify: '5.x' })
