import t from 'tap'
import { securityHeaders } from '../../plugins/security-headers.ts'
import { connectRefused } from '../helpers/client.ts'
import { API_KEY, startServer, withKey } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const PAGE = 'https://console.test'
const FOREIGN = ['https://evil.test', 'https://console.test.evil.test', 'http://console.test', 'https://console.test:8443', 'https://CONSOLE.test', 'https://console.test.', 'null', '*', '']

const server = await startServer(t, { env: { CORS_ORIGINS: `${PAGE}, https://other.test`, ALLOWED_ORIGINS: 'https://app.test' } })

/** Asks whether a page may ask, as a browser does before a request that a form could not make. */
function preflight (path: string, origin: string, method = 'POST') {
  return server.fetch(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type' } })
}

function corsOf (headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))
}

const readable = { 'access-control-allow-origin': PAGE, 'access-control-expose-headers': 'retry-after' }

t.test('a page of a listed origin may ask every REST route, with the methods that it has', async t => {
  const routes = {
    '/publish': 'POST',
    '/publish/batch': 'POST',
    '/presence/alice': 'GET, HEAD',
    '/presence/query': 'POST',
    '/rooms': 'GET, HEAD',
    '/nodes': 'GET, HEAD',
    '/metrics': 'GET, HEAD',
    '/rooms/lobby/history': 'GET, HEAD, DELETE',
    '/rooms/lobby/members/alice': 'PUT, DELETE',
    '/users/alice/connections': 'GET, HEAD, DELETE',
    '/connections/abc': 'DELETE',
    '/ready': 'GET, HEAD'
  }
  for (const [path, methods] of Object.entries(routes)) {
    const { status, headers, text } = await preflight(path, PAGE)
    t.equal(status, 204, path)
    t.equal(text, '')
    t.equal(headers.get('access-control-allow-methods')?.split(', ').sort().join(), methods.split(', ').sort().join(), path)
    t.match(corsOf(headers), { ...readable, 'access-control-allow-headers': 'authorization, content-type, idempotency-key', 'access-control-max-age': '600' })
    t.equal(headers.get('access-control-allow-credentials'), null, 'no credentials of the browser\'s')
    t.equal(headers.get('vary'), 'origin')
  }
  t.equal((await preflight('/nothing', PAGE)).status, 404)
})

t.test('a page of a listed origin may read what it is answered, errors included', async t => {
  const post = (headers: Record<string, string>, body = '{"room":"lobby","data":1}') => server.post('/publish', body, { origin: PAGE, ...headers })
  const answers = {
    200: await post(withKey(API_KEY)),
    400: await post(withKey(API_KEY), '{'),
    401: await post({}),
    403: await post(withKey(memberToken('alice'))),
    413: await post(withKey(API_KEY), `{"data":"${'x'.repeat(70_000)}"}`),
    415: await post({ ...withKey(API_KEY), 'content-type': 'text/plain' })
  }
  for (const [wanted, { status, headers }] of Object.entries(answers)) {
    t.equal(status, Number(wanted))
    t.same(corsOf(headers), readable, wanted)
    t.equal(headers.get('vary'), 'origin', wanted)
  }
})

t.test('a page of any other origin may neither ask nor read', async t => {
  for (const origin of FOREIGN) {
    const asked = await preflight('/publish', origin)
    t.match(asked, { status: 403, body: { code: 'origin_forbidden' } }, origin)
    const answered = await server.get('/presence/alice', { ...withKey(API_KEY), origin })
    t.equal(answered.status, 200, 'a browser hides the answer, and who is no browser needs no leave')
    for (const { headers } of [asked, answered]) {
      t.same(corsOf(headers), {}, origin)
      t.equal(headers.get('vary'), 'origin', 'so that no cache gives one origin what another may read')
    }
  }
  t.same(corsOf((await server.get('/presence/alice')).headers), {}, 'nor is anything said to who names no origin')
})

t.test('/ws goes by its own list', async t => {
  const headers = withKey(memberToken('alice'))
  t.equal((await server.get('/ws', { ...headers, origin: PAGE })).status, 403)
  t.match(await server.get('/ws', { ...headers, origin: 'https://app.test' }), { status: 426 })
  t.equal((await preflight('/ws', PAGE, 'GET')).status, 403)
  t.equal((await preflight('/ws', 'https://app.test', 'GET')).headers.get('access-control-allow-origin'), 'https://app.test')
})

t.test('every answer tells browsers that it is data, of this moment, for whoever asked', async t => {
  const bad = '/presence/%E0%A4%A'
  const answers: Record<string, Headers> = {
    200: (await server.get('/presence/alice')).headers,
    204: (await preflight('/publish', PAGE)).headers,
    400: (await server.get(bad)).headers,
    401: (await server.get('/presence/alice', {})).headers,
    404: (await server.get('/nothing')).headers,
    413: (await server.post('/publish', `{"data":"${'x'.repeat(70_000)}"}`)).headers,
    426: (await server.get('/ws', withKey(memberToken('alice')))).headers,
    'a refused upgrade': new Headers((await connectRefused(t, { url: server.wsUrl })).headers as Record<string, string>)
  }
  for (const [what, headers] of Object.entries(answers)) {
    for (const [name, value] of Object.entries(securityHeaders)) t.equal(headers.get(name), value, `${what}: ${name}`)
    for (const name of ['server', 'x-powered-by', 'strict-transport-security']) t.equal(headers.get(name), null, `${what}: no ${name}`)
  }
  t.equal((await server.get(bad)).status, 400)
})

t.test('the page at /docs may load its own files, and nothing else', async t => {
  const { headers, text } = await server.get('/docs')
  const policy = headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'; script-src 'self'; ")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, /https?:|unsafe-eval|script-src[^;]*unsafe/)
  t.notMatch(text, /<script>|\son\w+=/, 'it has no inline script')
})

t.test('without a list there are no CORS headers, and a preflight finds nothing', async t => {
  const { url } = await startServer(t)
  const answer = await fetch(`${url}/presence/alice`, { headers: { ...withKey(API_KEY), origin: url } })
  const asked = await fetch(`${url}/publish`, { method: 'OPTIONS', headers: { origin: url, 'access-control-request-method': 'POST' } })
  t.equal(asked.status, 404)
  for (const { headers } of [answer, asked]) {
    t.same(corsOf(headers), {})
    t.equal(headers.get('vary'), null)
  }
})

t.end()
