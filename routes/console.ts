import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path/posix'
import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RoomcastError } from '../src/core/errors.ts'
import { errorResponses, scopeErrors } from './error-responses.ts'
import { closedObject, needsScope } from './schemas.ts'

/** What the page may load, and whom it may ask: this service, by HTTP and WebSocket, and nobody else. */
const PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const pageHeaders = {
  // Asked for again each time, which costs an answer without a body while nothing has changed.
  'cache-control': 'no-cache',
  'content-security-policy': PAGE_POLICY,
  'cross-origin-opener-policy': 'same-origin'
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const PAGE = 'index.html'

const AccessSchema = closedObject({ caller: Type.String({ description: 'Whose it is, as in the log' }) }, {
  description: 'It may', examples: [{ caller: 'key:olga' }]
})

interface PageFile {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
}

/**
 * `GET /console`: a page for who develops and who operates. Its files hold no secret, and it knows nothing that REST does not tell whoever
 * has the scope. By `GET /console/access` it asks whether a key may be used in it.
 */
const consoleRoutes: FastifyPluginAsyncTypebox = async app => {
  // From the package, so that it is the same folder for the sources and for what was compiled from them.
  const root = import.meta.resolve('roomcast/package.json')
  const files = new Map([
    ...await readFolder(new URL('console/', root), ''),
    ...await readFolder(new URL('dist/client/', root), 'client/')
  ])

  // What the page loads it names relative to this address, without a slash at its end, so that it works under any prefix.
  app.get('/console', { schema: { hide: true } }, async (request, reply) => {
    if (request.url.split('?', 1)[0]?.endsWith('/') === true) return reply.redirect('../console')
    return sendFile(request, reply, files.get(PAGE))
  })

  app.get('/console/*', { schema: { hide: true, params: closedObject({ '*': Type.String() }) } }, async (request, reply) => {
    const name = request.params['*']
    if (name === '' || name === PAGE) return reply.redirect('../console')
    return sendFile(request, reply, files.get(name))
  })

  app.get('/console/access', {
    onRequest: app.roomcastAuth.requireScope('console'),
    schema: {
      operationId: 'getConsoleAccess',
      summary: 'Whether a key or token may be used in the console; what it may do there its other scopes say',
      tags: ['console'],
      ...needsScope('console'),
      response: { 200: AccessSchema, ...errorResponses(...scopeErrors) }
    }
  }, async ({ roomcastCaller: caller }) => ({ caller }))
}

export default consoleRoutes

/** The files of a folder that a browser can use, by the names under which it asks for them. */
async function readFolder (folder: URL, prefix: string): Promise<Array<readonly [name: string, file: PageFile]>> {
  const names = (await readdir(folder)).filter(name => extname(name) in mediaTypes)
  return Promise.all(names.map(async name => [prefix + name, await readPageFile(new URL(name, folder))] as const))
}

async function readPageFile (url: URL): Promise<PageFile> {
  const body = await readFile(url)
  return { body, type: mediaTypes[extname(url.pathname)] ?? '', etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}

function sendFile ({ headers }: FastifyRequest, reply: FastifyReply, file: PageFile | undefined): FastifyReply {
  if (file === undefined) throw new RoomcastError('not_found')
  reply.headers({ ...pageHeaders, etag: file.etag })
  return isKnown(headers['if-none-match'], file.etag) ? reply.code(304).send() : reply.type(file.type).send(file.body)
}

/** RFC 9110 §13.1.2: compared weakly, since a proxy that compresses weakens the tag. */
function isKnown (condition: string | undefined, etag: string): boolean {
  return condition?.split(',').some(tag => [etag, '*'].includes(tag.trim().replace(/^W\//, ''))) ?? false
}
