import t from 'tap'
import { closeCodes } from '../../src/core/close-codes.ts'
import { errors } from '../../src/core/errors.ts'
import { clientFrameSchemas, type MessageFrame, type ServerFrame } from '../../src/core/frames.ts'
import { read, table } from './markdown.ts'

const markdown = read('docs/protocol.md')

/** The keys of each type of frame, which the compiler compares with the frames' types: all that there are, and none that there is not. */
const serverFrames: { [Type in ServerFrame['type']]: Keys<FrameOf<ServerFrame, Type>> } & { message: Keys<MessageFrame> } = {
  welcome: {
    type: 1, protocol: 1, connectionId: 1, userId: 1, nodeName: 1, expiresAt: 1, pingIntervalMs: 1, maxFrameBytes: 1, rooms: 1
  },
  message: { type: 1, room: 1, offset: 1, data: 1, from: 1, at: 1, skipped: 1 },
  subscribed: { type: 1, id: 1, room: 1, epoch: 1, offset: 1, recovered: 1, publications: 1, members: 1, version: 1 },
  history: { type: 1, id: 1, room: 1, epoch: 1, offset: 1, publications: 1, more: 1 },
  presence: { type: 1, id: 1, room: 1, members: 1, version: 1 },
  join: { type: 1, room: 1, member: 1, version: 1 },
  leave: { type: 1, room: 1, member: 1, version: 1 },
  unsubscribed: { type: 1, id: 1, room: 1, code: 1 },
  published: { type: 1, id: 1, room: 1, epoch: 1, offset: 1, duplicate: 1 },
  refreshed: { type: 1, id: 1, expiresAt: 1 },
  pong: { type: 1, id: 1 },
  gap: { type: 1, room: 1, epoch: 1, offset: 1 },
  token_expiring: { type: 1, expiresAt: 1 },
  error: { type: 1, id: 1, room: 1, code: 1, message: 1, retryAfterMs: 1 }
}

/** Of a union, the frame that may have this type, among others. */
type FrameOf<Frame extends { type: string }, Type extends string> = Frame extends unknown ? Type extends Frame['type'] ? Frame : never : never

type Keys<Frame> = { [Key in keyof Frame]-?: 1 }

/** The keys that a shape such as `{type, id?, rooms:[{room}]}` names, without what is nested in them, optional ones with their `?`. */
function keysOf (shape: string): string[] {
  let flat = shape.replace(/^\{|\}$/g, '')
  while (/[[{]/.test(flat)) {
    const outer = flat
    flat = flat.replace(/\{[^{}[\]]*\}|\[[^{}[\]]*\]/g, '')
    if (flat === outer) throw new Error(`brackets that do not match: ${shape}`)
  }
  return flat.split(',').map(part => part.trim().replace(/:.*$/, '')).sort()
}

t.test('every frame that a client may send has one row, with its keys', async t => {
  const rows = table(markdown, '## Frames from the client')
  t.same(rows.map(row => row['type']).sort(), Object.keys(clientFrameSchemas).sort())
  for (const [type, { properties, required = [] }] of Object.entries(clientFrameSchemas)) {
    const keys = Object.keys(properties).map(key => required.some(name => name === key) ? key : `${key}?`)
    t.same(keysOf(rows.find(row => row['type'] === type)?.['shape'] ?? ''), keys.sort(), type)
  }
})

t.test('every frame that the server sends has one row, with its keys', async t => {
  const rows = table(markdown, '## Frames from the server')
  t.same(rows.map(row => row['type']).sort(), Object.keys(serverFrames).sort())
  for (const [type, keys] of Object.entries(serverFrames)) {
    const documented = keysOf(rows.find(row => row['type'] === type)?.['shape'] ?? '').map(key => key.replace('?', ''))
    t.same(documented, Object.keys(keys).sort(), type)
  }
})

t.test('every reply that a client frame is promised is a frame of the server', async t => {
  for (const { type, reply = '' } of table(markdown, '## Frames from the client')) {
    const [, name = ''] = /^`(\w+)`/.exec(reply) ?? /^(\w+)$/.exec(reply) ?? []
    t.ok(Object.hasOwn(serverFrames, name), `${type} is answered ${name}`)
  }
})

t.test('every error has one row, with its status', async t => {
  const documented = table(markdown, '## Errors').map(({ code = '', status }) => [code, status])
  const known = Object.entries(errors).map(([code, { statusCode }]) => [code, String(statusCode)])
  t.same(documented.sort(), known.sort())
})

t.test('every close code has one row, with its reason and what a client should do', async t => {
  const documented = table(markdown, '## Close codes').map(({ code = '', reason, reconnect }) => [code, reason, reconnect])
  const known = Object.values(closeCodes).map(({ code, reason, reconnect }) => [String(code), reason, reconnect])
  t.same(documented.sort(), known.sort())
})
