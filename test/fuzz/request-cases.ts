import type { RequestsCase } from './case.ts'
import type { Dice } from './dice.ts'
import { headBytes } from './handshakes.ts'
import { hostileNames, hostileNumbers, hostileString } from './hostile.ts'
import { render } from './json-tree.ts'
import { MAX_FRAME_BYTES, padded } from './message-cases.ts'
import { mutateText, mutateTree } from './mutate.ts'
import type { Answers, Route } from './routes.ts'
import { sample, type Pools, type Schema } from './sample.ts'
import { AUTHORIZATION, fixedToken, type World } from './world.ts'

/** One request, as it goes over the wire. */
export interface Request {
  readonly method: string
  readonly bytes: Buffer
  /** Whether it is a whole request of HTTP/1.1, after which another may follow; the last of a connection need not be. */
  readonly isWhole: boolean
  readonly hasBody: boolean
  /** What the route may answer; undefined where it is none of the server's routes. */
  readonly answers?: Answers | undefined
}

interface Draft {
  readonly lines: readonly string[]
  readonly body: Buffer
}

const MAX_WHOLE = 12

/** An instant that is over, in milliseconds since 1970. */
const LONG_AGO = 1_000_000_000_000

/** Begins the names of those whom orders are about: what disconnects the players, or takes them to another room, would rightly disturb other cases. */
const NOBODY = 'nobody-'
const BODY_WEIGHT = 5

/** Whole requests, and at the end often one that breaks HTTP. */
export function makeRequests (dice: Dice, world: World): RequestsCase {
  const whole = dice.some(1, MAX_WHOLE, () => request(dice, world))
  const broken = dice.percent(40) ? [broke(dice, world)] : []
  return { kind: 'requests', requests: [...whole, ...broken] }
}

function request (dice: Dice, world: World): Request {
  const route = pickRoute(dice, world)
  const isElsewhere = dice.percent(6)
  const method = dice.percent(4) ? dice.pick(['HEAD', 'PUT', 'PATCH', 'OPTIONS', 'POST', 'GET', 'DELETE', 'PROPFIND', 'SEARCH']) : route.method
  const path = isElsewhere ? dice.pick(strangePaths) : pathOf(route, dice, world.pools)
  const { lines, body } = draft(method, path, route, dice, world.pools)
  const isKnown = !isElsewhere && method === route.method
  return {
    method,
    bytes: Buffer.concat([headBytes([...lines, ...lengthOf(method, body)]), body]),
    isWhole: true,
    hasBody: body.length > 0,
    answers: isKnown ? route.answers : undefined
  }
}

/** A request of which HTTP itself, or its length, is wrong. */
function broke (dice: Dice, world: World): Request {
  const route = pickRoute(dice, world)
  const drafted = draft(route.method, pathOf(route, dice, world.pools), route, dice, world.pools)
  return { method: route.method, bytes: dice.pick(breaks)(drafted, dice), isWhole: false, hasBody: drafted.body.length > 0 }
}

function pickRoute (dice: Dice, { routes }: World): Route {
  return dice.pick(routes.flatMap(route => Array.from({ length: route.body === undefined ? 1 : BODY_WEIGHT }, () => route)))
}

function draft (method: string, path: string, route: Route, dice: Dice, pools: Pools): Draft {
  const any = route.body === undefined ? dice.percent(10) ? Buffer.from('{}') : Buffer.alloc(0) : bodyOf(route.body, dice, pools)
  const body = route.path === '/revocations' ? powerless(any) : any
  const type = body.length === 0 && dice.percent(90) ? [] : [`Content-Type: ${dice.percent(92) ? 'application/json' : dice.pick(contentTypes)}`]
  const authorization = [dice.percent(93) ? AUTHORIZATION : dice.pick(credentials)].filter(Boolean).map(value => `Authorization: ${value}`)
  return { lines: [`${method} ${path} HTTP/1.1`, 'Host: fuzz.example', ...authorization, ...type, ...dice.percent(15) ? dice.some(1, 4, () => dice.pick(headers)(dice)) : []], body }
}

function bodyOf (schema: Schema, dice: Dice, pools: Pools): Buffer {
  const tree = sample(schema, dice, pools)
  if (dice.percent(3)) return padded(render(tree), dice.pick([MAX_FRAME_BYTES, MAX_FRAME_BYTES, 1_048_576]) + dice.int(-1, 1))
  if (dice.percent(15)) return mutateText(render(tree), dice)
  return Buffer.from(render(dice.percent(75) ? mutateTree(tree, dice) : tree))
}

/** A revocation that is over: one that held would rightly end what the other cases, and the neighbours, are connected by. */
function powerless (body: Buffer): Buffer {
  try {
    // The server, too, passes over a byte order mark.
    const value: unknown = JSON.parse(body.toString().replace(/^\uFEFF/, ''))
    const isOver = typeof value !== 'object' || value === null || !('expiresAt' in value) || typeof value.expiresAt !== 'number' || value.expiresAt < LONG_AGO
    return isOver ? body : Buffer.from(JSON.stringify({ ...value, expiresAt: LONG_AGO }))
  } catch {
    return body
  }
}

/** A path with its parameters filled in, and some of its query. */
function pathOf ({ path, params, query }: Route, dice: Dice, pools: Pools): string {
  const isOrder = /^\/(users|connections)\/|\/members\//.test(path)
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const text = parameter(name, params[name] ?? {}, dice, pools)
    return isOrder && name !== 'room' ? `${NOBODY}${text}` : text
  })
  const chosen = Object.entries(query).filter(() => dice.percent(40)).map(([name, schema]) => `${name}=${parameter(name, schema, dice, pools)}`)
  const more = dice.percent(15) ? dice.some(1, 3, () => dice.pick(strangeQueries)) : []
  const all = [...chosen, ...more]
  return all.length === 0 ? filled : `${filled}?${all.join('&')}`
}

function parameter (name: string, schema: Schema, dice: Dice, pools: Pools): string {
  if (dice.percent(10)) return dice.pick(strangeParameters)
  if (dice.percent(15)) return encode(hostileString(dice))
  if (dice.percent(15)) return dice.pick(hostileNumbers)
  const text = render(sample(schema, dice, pools, name))
  const value: unknown = JSON.parse(text)
  return encode(typeof value === 'string' ? value : text)
}

function encode (text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** A body goes with its length, and a method that may have one says so even where there is none. */
function lengthOf (method: string, body: Buffer): string[] {
  return body.length > 0 || method === 'POST' ? [`Content-Length: ${body.length}`] : []
}

const credentials = [
  '', 'Bearer', 'Bearer x', 'Basic YTpi', `${AUTHORIZATION}x`, `Bearer ${fixedToken({ sub: 'a' })}`, `Bearer ${fixedToken({ sub: 'a', scope: 'publish' })}`,
  `Bearer ${fixedToken({ sub: '__proto__', scope: '__proto__ publish presence:read rooms:read history:read' })}`, `Bearer ${'é'.repeat(500)}`
]

const contentTypes = [
  '', 'text/plain', 'application/json; charset=utf-16', 'application/json;', 'application/json, text/plain', 'application/jsonx', 'APPLICATION/JSON', 'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x', '__proto__', 'application/__proto__', '*/*', 'a/b/c', '\u00ff', ';', 'application/json; charset="', 'application/vnd.api+json', 'application/octet-stream'
]

const headers: ReadonlyArray<(dice: Dice) => string> = [
  dice => `Idempotency-Key: ${dice.pick(['key-1', '"key-1"', '""', '"', 'x'.repeat(255), 'x'.repeat(256), '\u00e9', '__proto__', '', ' '])}`,
  dice => `Accept: ${dice.pick(['text/html', '*/*;q=', 'x'.repeat(2_000), ''])}`,
  dice => `Accept-Encoding: ${dice.pick(['gzip', 'br;q=9', '*'])}`,
  dice => `Content-Encoding: ${dice.pick(['gzip', 'br', 'identity', 'x'])}`,
  dice => `Origin: ${dice.pick(['null', 'http://evil.example', 'x'])}`,
  dice => `X-Forwarded-For: ${dice.pick(['1.2.3.4', '::1, x', 'x'.repeat(1_000), ''])}`,
  dice => `X-Forwarded-Host: ${dice.pick(['evil.example', 'a, b', ''])}`,
  dice => `Range: bytes=${dice.pick(['0-0', '5-1', '-1', '0-,1-'])}`,
  dice => `If-None-Match: ${dice.pick(['*', '"a"', ''])}`,
  dice => `Accept-Version: ${dice.pick(['1.x', '*', '__proto__'])}`,
  dice => `Cookie: ${dice.pick(['a=b', '=', '__proto__=1', 'x'.repeat(3_000)])}`,
  dice => `X-Request-Id: ${dice.pick(['1', '{}', 'x'.repeat(500)])}`,
  dice => `${dice.pick(['__proto__', 'constructor', 'X-HTTP-Method-Override', 'Trailer', 'TE', 'Via', 'Date'])}: ${dice.pick(['DELETE', 'x', '', 'trailers'])}`,
  () => 'Access-Control-Request-Method: POST'
]

const strangePaths = [
  '/', '/ws', '/live', '/ready', '/docs', '/docs/json', '/docs/yaml', '/docs/', '/docs/static/index.html', '/docs/static/..%2f..%2fpackage.json', '/docs/static/%00', '/docs/static/../../x', '/docs/static/%',
  '//', '/publish/', '/PUBLISH', '/publish/batch/x', '/%70ublish', '/publish%00', '/publish;a=b', '/presence', '/presence/', '/presence//', '/presence/a/b', '/rooms/', '/rooms//presence', '/rooms/a',
  '/rooms/%2e%2e/presence', '/rooms/../publish', '/__proto__', '/constructor', '/rooms/__proto__/__proto__', '/%', '/%zz', '/%c0%80', '/%ff', '/\u00ff', `/${'a'.repeat(3_000)}`, `/presence/${'%41'.repeat(601)}`,
  '/?__proto__[a]=1', '/metrics', '/nodes', '/.env', '/favicon.ico', 'http://fuzz.example/live', 'http://[', '*'
]

const strangeQueries = [
  '__proto__=1', '__proto__[a]=1', 'constructor.prototype.a=1', 'limit=', 'limit=1e1', 'limit=NaN', 'limit=0x10', 'limit=%31', 'limit= 1', 'limit[]=1', 'limit=1&limit=2', 'reverse=1', 'reverse=TRUE', 'reverse=',
  'offset=-1', 'offset=9007199254740992', 'epoch=', 'epoch=%00', 'after=%ff', 'after=%ed%a0%80', 'prefix=%', 'a', '=', '&&', '%', 'x=%zz', 'limit=100000000000000000000', `x=${'a'.repeat(2_000)}`, 'token=x', 'after=%00', 'prefix=%5b'
]

const strangeParameters = [
  '%', '%zz', '%00', '%0a', '%ff', '%c0%80', '%ed%a0%80', '%2f', '%2F..%2F', '..', '.', '%2e%2e', '%25', '%24all', '%24user%3Aa', '$control', 'x'.repeat(201), 'x'.repeat(600), 'x'.repeat(601), '%41'.repeat(200), '%d0%b6'.repeat(101),
  '', '*', ':room', '{room}', '+', '%20', '\u00e9', '__proto__', 'a;b', 'a%3Fb', '~'
]

const chunked = ['Transfer-Encoding: chunked']

function withHead (lines: readonly string[], ...rest: ReadonlyArray<string | Buffer>): Buffer {
  return Buffer.concat([headBytes(lines), ...rest.map(part => Buffer.from(part))])
}

const breaks: ReadonlyArray<(drafted: Draft, dice: Dice) => Buffer> = [
  ({ lines, body }, dice) => withHead([...lines, `Content-Length: ${Math.max(0, body.length + dice.pick([-5, -1, 1, 100, 1e6]))}`], body),
  ({ lines, body }, dice) => withHead([...lines, `Content-Length: ${dice.pick(['-1', 'abc', '1e3', '0x10', '18446744073709551616', '', '1 1', '+5', '5,5'])}`], body),
  ({ lines, body }) => withHead([...lines, `Content-Length: ${body.length}`, 'Content-Length: 1'], body),
  ({ lines, body }) => withHead([...lines, ...chunked], `${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'),
  ({ lines, body }) => withHead([...lines, ...chunked], ...Array.from(body.subarray(0, 200), byte => Buffer.from([0x31, 13, 10, byte, 13, 10])), '0\r\n__proto__: trailer\r\n\r\n'),
  ({ lines, body }, dice) => withHead([...lines, ...chunked], dice.pick(['zz\r\n', '-1\r\n', 'ffffffffffffffffff\r\n', '5;ext="\r\nabc', '\r\n', '1\r\nab', '0\r\n', '7fffffff\r\n']), body),
  ({ lines, body }) => withHead([...lines, ...chunked, `Content-Length: ${body.length}`], body),
  ({ lines, body }, dice) => withHead([...lines, `Transfer-Encoding: ${dice.pick(['gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', ' chunked', ''])}`], body),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body), ...Array.from({ length: dice.pick([500, 2_500]) }, (_, index) => `X-Flood-${index}: x`)], body),
  ({ lines, body }, dice) => withHead([...lines, dice.pick(['No colon', ': no name', 'X Space: 1', 'X-Nul: a\u0000b', 'X-CR: a\rb', ' folded', `X-Long: ${'x'.repeat(17_000)}`])], body),
  ({ lines: [, ...rest], body }, dice) => withHead([dice.pick(['POST /publish HTTP/9.9', 'POST /publish HTTP/2.0', 'POST /publish', 'GTE /live HTTP/1.1', 'post /publish HTTP/1.1', 'GET  /live HTTP/1.1', '', '\u0000', `GET /${'a'.repeat(17_000)} HTTP/1.1`]), ...rest], body),
  ({ lines, body }) => withHead([...lines.filter(line => !line.startsWith('Host')), ...lengthOf('POST', body)], body),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body), `Expect: ${dice.pick(['100-continue', '200-ok', ''])}`], body),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body), 'Connection: Upgrade', `Upgrade: ${dice.pick(['websocket', 'h2c', ''])}`], body),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body), `Connection: ${dice.pick(['close', 'x', 'close, keep-alive', ','])}`], body),
  ({ lines, body }, dice) => { const bytes = withHead([...lines, ...lengthOf('POST', body)], body); return bytes.subarray(0, dice.int(0, bytes.length)) },
  ({ lines, body }, dice) => Buffer.concat([dice.bytes(dice.int(1, 50)), withHead([...lines, ...lengthOf('POST', body)], body)]),
  ({ lines, body }) => Buffer.concat([headBytes([...lines, ...lengthOf('POST', body)], '\n'), body]),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body)], body, dice.pick(['garbage', '\r\n\r\n', 'GET /live HTTP/1.1\r\n\r\n', '\u0000'])),
  ({ lines, body }, dice) => withHead([...lines, ...lengthOf('POST', body), `X-Name: ${dice.pick(hostileNames).slice(0, 20)}`], body)
]
