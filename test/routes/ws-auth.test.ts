import t, { type Test } from 'tap'
import { connect, connectRefused, type ConnectOptions, type Refusal } from '../helpers/client.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { API_KEY, startServer } from '../helpers/server-process.ts'
import { JWT_SECRET, secondsFromNow, token, type Signing } from '../helpers/token.ts'

const ORIGIN = 'https://app.test'
const server = await startServer(t, { env: { ALLOWED_ORIGINS: `${ORIGIN},http://localhost:8080`, LOG_LEVEL: 'trace' } })
const url = server.wsUrl

/** Every token of this file, so that the last test can look for them in the log. */
const minted: string[] = []

function mint (claims: Record<string, unknown> = {}, signing: Signing = {}): string {
  const made = token(claims, signing)
  minted.push(made)
  return made
}

function isUnauthorized (t: Test, { status, body, text }: Pick<Refusal, 'status' | 'body' | 'text'>, what: string): void {
  t.equal(status, 401, `${what}: 401`)
  t.match(body, { statusCode: 401, code: 'unauthorized', error: 'Unauthorized', message: String })
  for (const secret of minted.flatMap(partsOf)) if (text.includes(secret)) t.fail(`${what}: the body echoes a token`)
}

/** A token, and its signature alone. */
function partsOf (token: string): string[] {
  return [token, token.split('.')[2] ?? ''].filter(part => part !== '')
}

const good = mint({ sub: 'alice' })
const badTokens: Record<string, string> = {
  'no JWT': 'nonsense',
  'three empty parts': '..',
  'the word undefined': 'undefined',
  'an API key': API_KEY,
  'another secret': mint({}, { secret: `${JWT_SECRET}!` }),
  expired: mint({ exp: secondsFromNow(-60) }),
  'not valid yet': mint({ nbf: secondsFromNow(600) }),
  'alg none': mint({}, { algorithm: 'none' }),
  'a cut signature': good.slice(0, -10),
  'HS512 of the same secret': mint({}, { algorithm: 'HS512' }),
  'no exp': mint({ exp: undefined }),
  'an exp that is text': mint({ exp: '9999999999' }),
  'no sub': mint({ sub: undefined }),
  'a sub that is a number': mint({ sub: 5 }),
  'a sub that is a list': mint({ sub: ['alice'] }),
  'an empty sub': mint({ sub: '' }),
  'a sub with a control character': mint({ sub: 'ali\nce' }),
  'a reserved room': mint({ rooms: ['$all'] })
}

t.test('P04, P07, P08: a bad token is refused with 401 before the upgrade, whichever way it comes', async t => {
  for (const address of [url, `${url}?token=`, `${url}?token`]) isUnauthorized(t, await connectRefused(t, { url: address }), 'no token')
  for (const [what, token] of Object.entries(badTokens)) {
    for (const via of ['header', 'subprotocol', 'query'] as const) {
      isUnauthorized(t, await connectRefused(t, { url, token, via }), `${what}, by ${via}`)
    }
  }
  t.equal((await server.presence('alice')).online, false)
})

t.test('P04: a header that holds no bearer token is refused', async t => {
  for (const authorization of ['Bearer', 'Bearer ', 'Bearer  ', good, `Basic ${good}`, `Bearer ${good} ${good}`, 'Bearer null']) {
    isUnauthorized(t, await connectRefused(t, { url, headers: { authorization } }), authorization.slice(0, 12))
  }
})

t.test('P04: two tokens that differ are refused, and one that is given twice passes', async t => {
  const other = mint({ sub: 'bob' })
  const twice: Record<string, ConnectOptions> = {
    'header and query': { url: `${url}?token=${other}`, token: good },
    'header and subprotocol': { url, token: good, protocols: ['roomcast.v1', `bearer.${other}`] },
    'query and subprotocol': { url: `${url}?token=${other}`, token: good, via: 'subprotocol' },
    'query twice': { url: `${url}?token=${good}&token=${other}` },
    'an empty header and a good query': { url: `${url}?token=${good}`, headers: { authorization: 'Bearer' } }
  }
  for (const [what, options] of Object.entries(twice)) isUnauthorized(t, await connectRefused(t, options), what)
  const client = await connect(t, { url: `${url}?token=${good}`, token: good, protocols: ['roomcast.v1', `bearer.${good}`] })
  t.equal(client.welcome.userId, 'alice')
})

t.test('a good token passes in the header, as subprotocol and in the query, and only roomcast.v1 is echoed', async t => {
  for (const via of ['header', 'subprotocol', 'query'] as const) {
    const client = await connect(t, { url, token: good, via })
    t.match(client.welcome, { protocol: 'roomcast.v1', userId: 'alice', nodeName: 'single', maxFrameBytes: 65_536 }, via)
    t.equal(client.socket.protocol, 'roomcast.v1')
  }
  const reversed = await connect(t, { url, protocols: [`bearer.${good}`, 'roomcast.v1'] })
  t.equal(reversed.socket.protocol, 'roomcast.v1', 'whatever the order')
})

const foreign = [
  'https://evil.test', 'https://app.test.evil.test', 'https://evil-app.test', 'https://evil.test#https://app.test', 'http://app.test',
  'https://app.test:8443', 'https://app.test:443', 'https://app.test/', 'https://app.test.', 'HTTPS://APP.TEST', 'https://APP.test', 'null', '', 'http://localhost', 'http://localhost:80800'
]

t.test('P06: an origin passes only if it is on the list, whole; a peer without one passes', async t => {
  for (const origin of foreign) {
    const { status, body, headers } = await connectRefused(t, { url, token: good, origin })
    t.equal(status, 403, `${origin} is refused`)
    t.match(body, { statusCode: 403, code: 'origin_forbidden', error: 'Forbidden', message: String })
    t.notOk(headers['access-control-allow-origin'])
  }
  for (const origin of [ORIGIN, 'http://localhost:8080']) t.equal((await connect(t, { url, token: good, origin })).welcome.userId, 'alice')
  t.equal((await connect(t, { url, token: good })).welcome.userId, 'alice')
})

t.test('P06: without a list only the own origin passes', async t => {
  const own = await startServer(t)
  await connect(t, { url: own.wsUrl, token: good, origin: own.url })
  const { host } = new URL(own.url)
  for (const origin of [server.url, ORIGIN, 'null', '', host, `http://${host}.evil.test`, `http://evil.test/${host}`, `http://${host.split(':')[0]}`]) {
    t.equal((await connectRefused(t, { url: own.wsUrl, token: good, origin })).status, 403, origin)
  }
  // Whoever can send this is no browser, and could leave the origin out as well.
  const forged = await connectRefused(t, { url: own.wsUrl, token: good, origin: own.url, headers: { host: 'evil.test', 'x-forwarded-host': host } })
  t.equal(forged.status, 403, 'X-Forwarded-Host counts only behind a proxy')
})

t.test('a request without an upgrade meets the same checks, readable for an allowed origin, and 426 if all is well', async t => {
  const bearer = { authorization: `Bearer ${good}` }
  const asked = {
    426: await server.fetch('/ws', { headers: { ...bearer, origin: ORIGIN } }),
    401: await server.fetch('/ws', { headers: { origin: ORIGIN } })
  }
  for (const [status, answer] of Object.entries(asked)) {
    t.match(answer.body, { statusCode: Number(status), code: /^(upgrade_required|unauthorized)$/, error: String, message: String })
    t.equal(answer.status, Number(status))
    t.equal(answer.headers.get('access-control-allow-origin'), ORIGIN)
    t.match(answer.headers.get('vary'), /origin/i)
  }
  t.equal((await server.fetch(`/ws?token=${good}`)).status, 426, 'the query counts here too')
  const refused = await server.fetch('/ws', { headers: { ...bearer, origin: 'https://evil.test' } })
  t.equal(refused.status, 403)
  t.equal(refused.headers.get('access-control-allow-origin'), null)
  isUnauthorized(t, await server.fetch(`/ws?token=${badTokens['expired']}`), 'an expired token')
})

t.test('P04: no spelling of the path opens a way around the check', async t => {
  for (const path of ['/ws/', '/WS', '/Ws', '//ws', '/%77s', '/ws%2f', '/ws/x', '/ws;', '/ws?', '/ws/%E0%A4%A', '/nothing']) {
    const address = server.url.replace('http', 'ws') + path
    for (const token of [undefined, badTokens['expired']]) {
      const { status } = await connectRefused(t, { url: address, ...token !== undefined && { token, via: 'query' } })
      t.ok(status >= 400 && status < 500, `${path}: ${status}`)
    }
  }
})

// super-productivity/super-productivity#9885: credentials were looked at after the handshake, and unauthenticated sockets piled up.
t.test('P04, P05: five hundred upgrades with bad tokens by mute peers end in 401, and no socket stays open', async t => {
  const sockets = Array.from({ length: 500 }, () => rawSocket(t, { url, token: 'nonsense' }))
  const statuses = await Promise.all(sockets.map(socket => socket.status()))
  t.same(statuses.filter(status => status !== 401), [])
  await Promise.all(sockets.map(socket => socket.closed))
})

t.test('P03: no token, nor its signature, is ever logged or echoed, whatever the path', async t => {
  for (const path of ['/nothing', '/ws/nothing', '/publish', '/presence/alice', '/ws/%E0%A4%A', '/']) {
    for (const token of [good, badTokens['expired'] ?? '']) {
      const { status, text } = await server.fetch(`${path}?token=${token}`, { headers: { authorization: `Bearer ${token}` } })
      t.ok(status >= 400 && status < 500, `${path}: ${status}`)
      t.notOk(partsOf(token).some(part => text.includes(part)), `${path} does not echo it`)
    }
  }
  t.ok(server.logs.length > 100, 'the log is as detailed as it gets')
  const log = server.logs.join('\n')
  t.same(minted.flatMap(partsOf).filter(part => log.includes(part)), [])
  t.notOk(log.includes(API_KEY) || log.includes(JWT_SECRET), 'and no key and no secret')
  t.notMatch(log, /"level":(50|60)/, 'hostile tokens are no errors of ours')
})

t.end()
