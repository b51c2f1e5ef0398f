import type { BytesCase, Case, MessagesCase, RequestsCase } from './case.ts'
import { Dice } from './dice.ts'
import { headBytes, validHandshake } from './handshakes.ts'
import { checkAnswer, checkBrokenClose, checkClose, checkReplies } from './oracle.ts'
import { Peer } from './peer.ts'
import { readServerFrame, type ReadFrame } from './protocol.ts'
import { closePayload, opcodes, writeFrame } from './wire.ts'

/** An answer, or the end of a connection, that takes longer than this is a hang. On a busy machine the fuzzer itself may wait for seconds. */
const ANSWER_MS = 30_000

/** No route reads a larger body. */
const LARGEST_BODY_BYTES = 1_048_576

const PROBE_ID = 'the probe'
const PROBE = Buffer.from(`{"type":"ping","id":"${PROBE_ID}"}`)

/** Masks are not what is tested here; any will do. */
const masks = new Dice(0, 0)

/**
 * Plays a case against a server.
 * @throws Error that says which promise the server broke
 */
export async function play (one: Case, url: string): Promise<void> {
  const peer = new Peer(url)
  try {
    switch (one.kind) {
      case 'messages': return await playMessages(peer, one)
      case 'bytes': return await playBytes(peer, one)
      case 'requests': return await playRequests(peer, one)
      default: return one satisfies never
    }
  } finally {
    peer.socket.destroy()
  }
}

async function playMessages (peer: Peer, one: MessagesCase): Promise<void> {
  const handshake = headBytes(validHandshake(one.token, one.path))
  const messages = one.messages.map(({ payload, format }) => writeFrame(opcodes[format], payload, masks))
  const sent = Buffer.concat([...messages, writeFrame(opcodes.text, PROBE, masks)])
  peer.methods.push('GET')
  peer.write(one.isEager ? Buffer.concat([handshake, sent]) : handshake)
  if (!one.isEager) {
    await wait(peer, 'answer to the handshake', () => peer.isUpgraded || peer.answers.length > 0)
    peer.write(sent)
  }
  const last = (): { opcode: number, payload: Buffer } | undefined => peer.frames.at(-1)
  const isDone = (): boolean => last()?.opcode === opcodes.close || peer.frames.some(({ payload }) => isProbed(payload)) || peer.answers.length > 1
  await wait(peer, 'answer to the last message', isDone)
  const frames = readFrames(peer)
  // What breaks the WebSocket protocol itself is not kept waiting until the connection has opened.
  const isBroken = last()?.opcode === opcodes.close && [1007, 1009].includes(closeCode(last()?.payload) ?? 0)
  if (!isBroken && frames[0]?.type !== 'welcome') throw new Error(`the first frame is not welcome but ${firstThing(peer)}`)

  if (last()?.opcode === opcodes.close) {
    checkClose(closeCode(last()?.payload), one, frames.at(-1))
    peer.write(writeFrame(opcodes.close, last()?.payload ?? Buffer.alloc(0), masks))
    return await wait(peer, 'end of a connection that the server closed', () => false)
  }
  if (!frames.some(({ id }) => id === PROBE_ID)) throw new Error(`the connection was cut after ${JSON.stringify(frames.at(-1))?.slice(0, 500)}`)
  checkReplies(one, frames.filter(({ id }) => id !== PROBE_ID))
  await leave(peer, one)
}

async function leave (peer: Peer, { ending }: MessagesCase): Promise<void> {
  if (ending === 'reset') {
    peer.socket.resetAndDestroy()
    return
  }
  if (ending === 'close') peer.write(writeFrame(opcodes.close, closePayload(1000), masks))
  else peer.socket.end()
  await wait(peer, `end after ${ending}`, () => false)
  const close = peer.frames.findLast(({ opcode }) => opcode === opcodes.close)
  if (ending === 'close' && closeCode(close?.payload) !== 1000) throw new Error(`a close with 1000 was answered with ${closeCode(close?.payload)}`)
  readFrames(peer)
}

async function playBytes (peer: Peer, { writes, ending }: BytesCase): Promise<void> {
  if (/^\s*HEAD /.test(writes[0]?.toString('latin1', 0, 20) ?? '')) peer.methods.push('HEAD')
  for (const bytes of writes) {
    peer.write(bytes)
    // One turn, so that the parts do not leave in one segment.
    await new Promise(resolve => { setImmediate(resolve) })
  }
  if (ending === 'reset') {
    peer.socket.resetAndDestroy()
    return
  }
  peer.socket.end()
  await wait(peer, 'end after FIN', () => false)
  for (const answer of peer.answers) if (answer.status !== 101) checkAnswer(answer, { method: /^\s*(\w+)/.exec(writes[0]?.toString('latin1', 0, 20) ?? '')?.[1] ?? '' })
  readFrames(peer)
  const close = peer.frames.find(({ opcode }) => opcode === opcodes.close)
  if (close !== undefined) checkBrokenClose(closeCode(close.payload))
}

async function playRequests (peer: Peer, { requests }: RequestsCase): Promise<void> {
  for (const [index, { method, bytes, isWhole, answers: documented }] of requests.entries()) {
    peer.methods.push(method)
    peer.write(bytes)
    if (!isWhole) peer.socket.end()
    await wait(peer, `answer to request ${index}`, () => isWhole && peer.answers.length > index)
    const answers = peer.answers.slice(index)
    // RFC 9112 §9.6: where a body is refused that still arrives, the reset overtakes the answer.
    if (bytes.length > LARGEST_BODY_BYTES && peer.hasEnded) return
    if (isWhole && answers.length === 0) throw new Error(`request ${index} was not answered, and the connection ended`)
    for (const answer of answers) checkAnswer(answer, { method, answers: isWhole ? documented : undefined })
    if (peer.hasEnded || answers.some(({ headers }) => headers.get('connection') === 'close')) return
  }
}

/** @throws Error that says what did not come, or could not be read */
async function wait (peer: Peer, what: string, condition: () => boolean): Promise<void> {
  const isThere = await peer.until(condition, ANSWER_MS)
  if (peer.problem !== undefined) throw new Error(peer.problem)
  if (!isThere) throw new Error(`no ${what} within ${ANSWER_MS} ms`)
}

function readFrames ({ frames }: Peer): ReadFrame[] {
  return frames.flatMap(({ opcode, payload }) => {
    if (opcode === opcodes.text) return [readServerFrame(payload.toString())]
    if (opcode !== opcodes.close && opcode !== opcodes.ping && opcode !== opcodes.pong) throw new Error(`the server sent opcode ${opcode}`)
    return []
  })
}

function isProbed (payload: Buffer): boolean {
  return payload.length < 50 && payload.includes(PROBE_ID)
}

function closeCode (payload: Buffer | undefined): number | undefined {
  return payload === undefined || payload.length < 2 ? undefined : payload.readUInt16BE()
}

function firstThing ({ frames: [frame], answers: [answer] }: Peer): string {
  if (frame !== undefined) return `opcode ${frame.opcode} with ${JSON.stringify(frame.payload.toString('latin1')).slice(0, 500)}`
  return answer === undefined ? 'the end of the connection' : `the answer ${answer.status} ${answer.body.slice(0, 500)}`
}
