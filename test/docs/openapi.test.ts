import { createConfig, lintFromString } from '@redocly/openapi-core'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'
import { roomcast } from '../../src/app.ts'
import { scopes, type Scope } from '../../src/config.ts'
import { errors, type ErrorCode } from '../../src/core/errors.ts'
import { JWT_SECRET } from '../helpers/token.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'

interface Media {
  readonly schema: { readonly properties?: Record<string, { readonly enum?: readonly string[] }> }
  readonly example?: unknown
  readonly examples?: Record<string, { readonly value: unknown }>
}

interface Answer {
  readonly description: string
  readonly content?: Record<string, Media>
  readonly headers?: Record<string, unknown>
}

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: ReadonlyArray<Record<string, readonly string[]>>
  readonly parameters?: ReadonlyArray<{ readonly name: string, readonly in: string, readonly description?: string }>
  readonly requestBody?: { readonly content: Record<string, Media> }
  readonly responses: Record<string, Answer>
}

interface Document {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly tags: ReadonlyArray<{ readonly name: string, readonly description: string }>
  readonly paths: Record<string, Record<string, Operation>>
}

/** A key of each scope that has all the others. */
const keyWithout = (scope: Scope) => `a-key-that-lacks-${scope.replace(':', '-')}-0123456789-0123456789`
const apiKeys = [
  { name: 'all', key: API_KEY },
  ...scopes.map(scope => ({ name: scope, key: keyWithout(scope), scopes: scopes.filter(other => other !== scope) }))
]

const app: FastifyInstance = Fastify({ routerOptions: { maxParamLength: 600 } })
t.teardown(() => app.close())
await app.register(roomcast, { jwtSecret: JWT_SECRET, apiKeys, docs: true, health: true, console: true })
const { body: source } = await app.inject('/docs/json')
const document = JSON.parse(source) as Document

const operations = Object.entries(document.paths).flatMap(([path, methods]) => {
  return Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method, path, operation }))
})

/** What the linter is told to leave alone, and why. */
const waived = {
  // GET /ws answers 101, or 426 and why not: there is no 2xx.
  'operation-2xx-response': ['#/paths/~1ws/get/responses'],
  // Whoever is asked by a probe says yes or 503.
  'operation-4xx-response': ['#/paths/~1live/get/responses', '#/paths/~1ready/get/responses']
}

t.test('the linter finds nothing in the description, neither error nor warning, but for what is waived', async t => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  const told = problems.map(({ ruleId, message, location: [place] }) => ({ ruleId, message, place: place?.pointer ?? '' }))
  const isWaived = ({ ruleId, place }: { ruleId: string, place: string }) => (waived as Record<string, readonly string[]>)[ruleId]?.includes(place) === true
  t.same(told.filter(problem => !isWaived(problem)), [])
  t.same(told.filter(isWaived).map(({ place }) => place).sort(), Object.values(waived).flat().sort(), 'no waiver outlives its reason')
})

t.test('every operation has an id, a summary, a tag that is described, and says whom it is for', async t => {
  const tags = document.tags.map(({ name }) => name)
  for (const { name, operation: { operationId, summary, tags: own = [], security } } of operations) {
    t.match(operationId, /^[a-z][A-Za-z]+$/, name)
    t.type(summary, 'string', name)
    t.ok(own.length === 1 && tags.includes(own[0] ?? ''), `${name}: ${own.join()}`)
    t.ok(Array.isArray(security), name)
  }
  for (const { name } of document.tags) t.ok(operations.some(({ operation }) => operation.tags?.includes(name)), `${name} is used`)
})

t.test('every body, every answer and every parameter is described, with examples', async t => {
  const hasExample = ({ content = {} }: { content?: Record<string, Media> }) => {
    return Object.values(content).every(({ example, examples }) => example !== undefined || Object.keys(examples ?? {}).length > 0)
  }
  for (const { name, operation: { parameters = [], requestBody, responses } } of operations) {
    for (const parameter of parameters) t.type(parameter.description, 'string', `${name}: ${parameter.in} ${parameter.name}`)
    if (requestBody !== undefined) t.ok(hasExample(requestBody), `${name}: the body`)
    for (const [status, answer] of Object.entries(responses)) {
      t.not(answer.description, 'Default Response', `${name}: ${status}`)
      t.ok(hasExample(answer), `${name}: ${status}`)
    }
  }
})

t.test('every error is one of the table, under its status, and tells when to come again where that makes sense', async t => {
  for (const { name, operation: { responses } } of operations) {
    for (const [status, { content, headers }] of Object.entries(responses).filter(([status]) => Number(status) >= 400)) {
      const codes = content?.['application/json']?.schema.properties?.['code']?.enum ?? []
      t.ok(codes.length > 0, `${name}: ${status} names its codes`)
      for (const code of codes) t.equal(errors[code as ErrorCode].statusCode, Number(status), `${name}: ${code}`)
      t.equal(headers?.['retry-after'] !== undefined, ['429', '503'].includes(status), `${name}: ${status}`)
    }
  }
})

/** A path with its examples in the place of its parameters. */
const filled = (path: string) => path.replace('{room}', 'lobby').replace(/\{\w+\}/, 'alice')

t.test('each route asks for the scope that it names, and refuses as it says', async t => {
  for (const { name, method, path, operation: { security = [], responses, requestBody } } of operations) {
    const [scope] = security.flatMap(({ apiKey = [] }) => apiKey)
    if (scope === undefined) continue
    t.same(security, [{ apiKey: [scope] }, { token: [scope] }], name)
    const ask = async (headers: Record<string, string>) => (await app.inject({
      method: method.toUpperCase() as 'GET', url: filled(path), headers, ...requestBody && { payload: {} }
    })).json<{ code: string }>().code
    t.equal(await ask({}), 'unauthorized', name)
    t.equal(await ask(withKey(keyWithout(scope as Scope))), 'scope_forbidden', name)
    t.ok(responses['401'] && responses['403'], name)
  }
})

t.test('each body that is shown is taken, and answered as it is described', async t => {
  for (const { name, path, operation: { requestBody, responses } } of operations) {
    const { example, examples = {} } = requestBody?.content['application/json'] ?? {}
    const shown = example === undefined ? Object.entries(examples) : [['it', { value: example }] as const]
    for (const [which, { value }] of shown) {
      const request: InjectOptions = { method: 'POST', url: path, headers: withKey(API_KEY), payload: value as object }
      const { statusCode, body } = await app.inject(request)
      t.ok(statusCode < 300, `${name}, ${which}: ${body}`)
      t.ok(responses[statusCode], `${name}, ${which}: ${statusCode}`)
    }
  }
})

t.end()
