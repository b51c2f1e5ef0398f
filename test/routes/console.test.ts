import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { roomcast } from '../../src/app.ts'
import { createHost, PREFIX } from '../embedded/host.ts'
import { API_KEY, startServer, withKey } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'

const READER = 'a-key-for-tests-that-may-read-presence-only'
const server = await startServer(t, { env: { CONSOLE: 'true', API_KEYS: `tests:${API_KEY},reader:${READER}:presence:read` } })

const folder = new URL('../../console/', import.meta.url)
const library = new URL('../../dist/client/', import.meta.url)

/** The status of a path as it is written here, which `fetch` would tidy up. */
async function statusOf (path: string): Promise<number | undefined> {
  const [response] = await once(request(server.url, { path }).end(), 'response')
  response.resume()
  return response.statusCode
}

t.test('the page and all that it loads is served as it lies in the package, with a type and a strict policy', async t => {
  const { status, headers, text } = await server.get('/console', {})
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  t.equal(text, readFileSync(new URL('index.html', folder), 'utf8'))
  const files = [
    ...readdirSync(folder).filter(name => name !== 'index.html').map(name => [name, new URL(name, folder)] as const),
    ...readdirSync(library).filter(name => name.endsWith('.js')).map(name => [`client/${name}`, new URL(name, library)] as const)
  ]
  t.ok(files.length > 30)
  for (const [name, file] of files) {
    const { status, headers, text } = await server.get(`/console/${name}`, {})
    t.equal(status, 200, name)
    t.equal(text, readFileSync(file, 'utf8'), name)
    t.match(headers.get('content-type'), /^(?:text\/(?:css|javascript); charset=utf-8|image\/svg\+xml)$/, name)
    t.equal(headers.get('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
  }
  t.notMatch(text, /<script>|<style|\sstyle=|\son\w+=|https?:/, 'it has nothing inline, and nothing from elsewhere')
})

t.test('what a browser has already is not sent again', async t => {
  const { headers } = await server.get('/console/main.js', {})
  const etag = headers.get('etag') ?? ''
  t.equal(headers.get('cache-control'), 'no-cache')
  for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const { status, text, headers } = await server.get('/console/main.js', { 'if-none-match': condition })
    t.same([status, text, headers.get('etag')], [304, '', etag], condition)
  }
  t.equal((await server.get('/console/main.js', { 'if-none-match': '"other"' })).status, 200)
  t.not((await server.get('/console', {})).headers.get('etag'), etag)
})

t.test('nothing beside these files can be reached by it', async t => {
  for (const path of ['/console/nothing.js', '/console/..%2fpackage.json', '/console/../package.json', '/console/client/..%2f..%2fpackage.json', '/console/client/../../../package.json',
    '/console/client/', '/console/client/index.d.ts', '/console/client/index.js.map', '/console/%2e%2e/.env', '/console//etc/passwd', '/console/constructor']) {
    t.equal(await statusOf(path), 404, path)
  }
  for (const path of ['/console/', '/console/index.html']) {
    const { status, headers } = await server.fetch(path, { redirect: 'manual' })
    t.same([status, headers.get('location')], [302, '../console'], path)
  }
})

t.test('a key or a token opens the operator\'s half by the scope console, and nothing else does', async t => {
  const access = async (credential?: string) => {
    const { status, body } = await server.get('/console/access', credential === undefined ? {} : withKey(credential))
    return [status, body['caller'] ?? body['code']]
  }
  t.same(await access(API_KEY), [200, 'key:tests'])
  t.same(await access(memberToken('olga', { scope: 'console nodes:read' })), [200, 'token:olga'])
  t.same(await access(READER), [403, 'scope_forbidden'])
  t.same(await access(memberToken('alice')), [403, 'scope_forbidden'])
  t.same(await access(), [401, 'unauthorized'])
})

t.test('a process with credentials of its own has none, unless told', async t => {
  const { url } = await startServer(t)
  for (const path of ['/console', '/console/main.js', '/console/access']) t.equal((await fetch(url + path, { headers: withKey(API_KEY) })).status, 404, path)
})

t.test('a host has none, unless it asks for it, and then it is below the prefix', async t => {
  const options = { prefix: PREFIX, jwtSecret: JWT_SECRET, apiKeys: [{ name: 'tests', key: API_KEY }] }
  const plain = createHost(t)
  await plain.register(roomcast, options)
  t.equal((await plain.inject(`${PREFIX}/console`)).statusCode, 404)

  const app = createHost(t)
  await app.register(roomcast, { ...options, console: true })
  for (const path of ['', '/main.js', '/client/index.js']) t.equal((await app.inject(`${PREFIX}/console${path}`)).statusCode, 200, path)
  t.equal((await app.inject('/console')).statusCode, 404)
  t.match((await app.inject({ url: `${PREFIX}/console/access`, headers: withKey(API_KEY) })).json(), { caller: 'key:tests' })
})

t.end()
