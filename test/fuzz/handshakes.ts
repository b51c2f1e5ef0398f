import type { Dice } from './dice.ts'
import { AUTHORIZATION, fixedToken } from './world.ts'

const KEY = 'AAAAAAAAAAAAAAAAAAAAAA=='

/** A handshake that the server must accept. */
export function validHandshake (token: string, path = '/ws'): string[] {
  return [
    `GET ${path} HTTP/1.1`, 'Host: fuzz.example', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Protocol: roomcast.v1', `Authorization: Bearer ${token}`
  ]
}

/** Puts the lines of a request's head on the wire. */
export function headBytes (lines: readonly string[], lineEnd = '\r\n'): Buffer {
  return Buffer.from([...lines, '', ''].join(lineEnd), 'latin1')
}

type Change = (lines: readonly string[], dice: Dice) => readonly string[]

function withLine (prefix: string, ...replacements: readonly string[]): Change {
  return (lines, dice) => lines.flatMap(line => line.startsWith(prefix) ? dice.pick(replacements).split('\n').filter(Boolean) : [line])
}

const another = fixedToken({ sub: 'another' })

const changes: readonly Change[] = [
  withLine('Sec-WebSocket-Key', '', 'Sec-WebSocket-Key:', 'Sec-WebSocket-Key: AAAA', 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==', `Sec-WebSocket-Key: ${KEY}${KEY}`,
    `Sec-WebSocket-Key: ${KEY}\nSec-WebSocket-Key: ${KEY}`),
  withLine('Sec-WebSocket-Version', '', ...['', '0', '8', '12', '14', '-13', '13, 8', '1e1', '13.0'].map(version => `Sec-WebSocket-Version: ${version}`)),
  withLine('Upgrade', '', ...['h2c', 'websocket, h2c', 'WEBSOCKET', 'TLS/1.0', ''].map(name => `Upgrade: ${name}`)),
  withLine('Connection', '', ...['close', 'keep-alive', 'keep-alive, Upgrade', 'upgrade', 'Upgrade, Upgrade', ','].map(name => `Connection: ${name}`)),
  withLine('Sec-WebSocket-Protocol', '', ...[
    '', ',', 'roomcast.v2', 'roomcast.v1, roomcast.v1', 'roomcast.v1,', 'roomcast.v1, bearer.', `roomcast.v1, bearer.${another}`, `bearer.${another}, bearer.${another}`,
    'a b', 'a"b', '__proto__', 'x,'.repeat(500)].map(names => `Sec-WebSocket-Protocol: ${names}`)),
  withLine('Authorization', '', ...['', 'Bearer', 'Bearer ', 'Bearer a.b.c', 'Basic YTpi', `Bearer ${another} x`, `bearer   ${another}`, AUTHORIZATION, `Bearer ${'x'.repeat(5_000)}`]
    .map(value => `Authorization: ${value}`), `Authorization: Bearer ${another}\nAuthorization: Bearer ${another}`),
  withLine('Host', '', 'Host:', 'Host: a b', 'Host: [::1', 'Host: a\nHost: b', 'Host: @', `Host: ${'h'.repeat(2_000)}`),
  withLine('GET', ...[
    '/ws/', '//ws', '/WS', '/w%73', '/ws%00', '/ws%', '/ws?', '/ws?token=', `/ws?token=${another}`, `/ws?token=${another}&token=x`, '/ws?token[]=a&token[b]=c', '/ws?__proto__=1',
    '/ws?resume=1&resume=0', '/ws?resume[]=1', '/ws#a', 'http://other.example/ws', '*', '', '/', '/live', '/publish', '/docs/json', '/rooms/a/history', '/../ws', `/ws?${'a='.repeat(4_000)}`,
    `/ws/${'a'.repeat(700)}`, '/ws?%', '/ws?token=%ff%fe'].map(path => `GET ${path} HTTP/1.1`),
  ...['POST /ws HTTP/1.1', 'HEAD /ws HTTP/1.1', 'OPTIONS /ws HTTP/1.1', 'CONNECT /ws HTTP/1.1', 'PRI * HTTP/2.0', 'get /ws HTTP/1.1', 'GET /ws HTTP/1.0', 'GET /ws HTTP/9.9', 'GET /ws', 'G\u0000T /ws HTTP/1.1']),
  lines => [...lines, 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'],
  (lines, dice) => [...lines, `Sec-WebSocket-Extensions: ${dice.pick([';', 'a;b=c;d="', 'permessage-deflate; server_max_window_bits=99', ', , ,', 'x'.repeat(3_000)])}`],
  (lines, dice) => [...lines, `Origin: ${dice.pick(['null', 'http://evil.example', 'http://fuzz.example', 'x', '', 'http://[', 'javascript:0', 'http://fuzz.example\u00e9'])}`],
  (lines, dice) => [...lines, ...Array.from({ length: dice.pick([90, 1_000, 2_500]) }, (_, index) => `X-Flood-${index}: x`)],
  (lines, dice) => [...lines, dice.pick(['X-Folded: a\r\n b', 'No colon', ': no name', 'X Space: 1', 'X-Nul: a\u0000b', 'X-High: \u00ff', `X-Long: ${'x'.repeat(17_000)}`, '__proto__: 1', 'X-CR: a\rb'])],
  (lines, dice) => [...lines, dice.pick(['Content-Length: 5', 'Content-Length: -1', 'Transfer-Encoding: chunked', 'Expect: 100-continue', 'Expect: x', 'Content-Length: 5\r\nTransfer-Encoding: chunked'])],
  (lines, dice) => lines.filter((_line, index) => index === 0 || dice.percent(70)),
  lines => [...lines].reverse(),
  lines => lines.map((line, index) => index === 0 ? line : line.toUpperCase())
]

/** A handshake in which something is not as RFC 6455 §4.1, or the server, wants it. */
export function mutatedHandshake (lines: readonly string[], dice: Dice): Buffer {
  let mutated = lines
  for (let left = dice.pick([1, 1, 2]); left > 0; left--) mutated = dice.pick(changes)(mutated, dice)
  const bytes = headBytes(mutated, dice.percent(5) ? '\n' : '\r\n')
  if (dice.percent(5)) return bytes.subarray(0, dice.int(0, bytes.length))
  return dice.percent(5) ? Buffer.concat([garbage(dice), bytes]) : bytes
}

/** What comes to a port by mistake: noise, empty lines, the beginning of TLS, of HTTP/2, of a proxy's line. */
export function garbage (dice: Dice): Buffer {
  return dice.pick([
    () => dice.bytes(dice.int(1, 200)), () => Buffer.from('\r\n\r\n'), () => Buffer.from('160301020001', 'hex'), () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), () => Buffer.alloc(100), () => Buffer.from('\u0016\u0003')
  ])()
}
