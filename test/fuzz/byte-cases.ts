import type { BytesCase } from './case.ts'
import type { Dice } from './dice.ts'
import { garbage, headBytes, mutatedHandshake, validHandshake } from './handshakes.ts'
import { render } from './json-tree.ts'
import { frameTree, MAX_FRAME_BYTES } from './message-cases.ts'
import { badUtf8 } from './mutate.ts'
import { closePayload, opcodes, writeFrame } from './wire.ts'
import { fixedToken, users, type World } from './world.ts'

const MAX_FRAMES = 8

type Write = (dice: Dice, text: Buffer) => Buffer | Buffer[]

/** What RFC 6455 forbids, what it allows and few do, and what ends in the middle; around a text that is a valid frame of the protocol. */
const frames: readonly Write[] = [
  (dice, text) => writeFrame(opcodes.text, text, dice),
  (dice, text) => fragments(dice, text),
  (dice, text) => fragments(dice, text).flatMap(part => [part, writeFrame(opcodes.ping, dice.bytes(dice.int(0, 125)), dice)]),
  dice => [writeFrame(opcodes.text, Buffer.alloc(0), dice, { fin: false }), ...Array.from({ length: dice.pick([10, 300, 1_000]) }, () => writeFrame(0, Buffer.alloc(0), dice, { fin: false }))],
  (dice, text) => writeFrame(dice.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), text, dice),
  (dice, text) => writeFrame(dice.pick([0, 1, 2, 8, 9, 10]), text, dice, { rsv: dice.int(1, 7) }),
  (dice, text) => writeFrame(dice.pick([1, 2, 8, 9]), text, dice, { isMasked: false }),
  (dice, text) => writeFrame(opcodes.binary, text, dice),
  (dice, text) => writeFrame(opcodes.continuation, text, dice),
  (dice, text) => [writeFrame(opcodes.text, text, dice, { fin: false }), writeFrame(opcodes.text, text, dice)],
  dice => writeFrame(dice.pick([opcodes.ping, opcodes.pong, opcodes.close]), dice.bytes(dice.pick([126, 127, 1_000])), dice),
  dice => writeFrame(dice.pick([opcodes.ping, opcodes.pong]), dice.bytes(dice.int(0, 125)), dice),
  dice => writeFrame(dice.pick([opcodes.ping, opcodes.pong, opcodes.close]), dice.bytes(2), dice, { fin: false }),
  (dice, text) => writeFrame(opcodes.text, text, dice, { form: dice.pick([16, 64]) }),
  (dice, text) => writeFrame(dice.pick([1, 9]), text, dice, { claimedLength: dice.pick([0n, 1n, 125n, 126n, 65_535n, 65_536n, 65_537n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n]), form: 64 }),
  (dice, text) => writeFrame(opcodes.text, text, dice, { claimedLength: BigInt(text.length + dice.int(-3, 3)) }),
  (dice, text) => cut(writeFrame(opcodes.text, text, dice), dice),
  (dice, text) => writeFrame(opcodes.text, Buffer.concat([text, Buffer.from(dice.pick(badUtf8))]), dice),
  dice => { const utf8 = Buffer.from('"🦄🦄"'); return [writeFrame(opcodes.text, utf8.subarray(0, 3), dice, { fin: false }), writeFrame(0, utf8.subarray(3), dice)] },
  dice => writeFrame(opcodes.text, Buffer.alloc(MAX_FRAME_BYTES + dice.int(-1, 1), ' '), dice),
  dice => Array.from({ length: 67 }, () => writeFrame(opcodes.continuation, Buffer.alloc(1_000, ' '), dice, { fin: false })),
  dice => garbage(dice),
  dice => writeFrame(opcodes.close, closePayload(dice.pick([0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 1016, 2999, 3000, 4000, 4400, 4999, 5000, 65_535]), dice.pick(['', 'bye', 'x'.repeat(123)])), dice),
  dice => writeFrame(opcodes.close, dice.pick([Buffer.alloc(0), Buffer.from([3]), closePayload(1000, Buffer.from([0xff, 0xfe])), closePayload(1000, 'x'.repeat(124))]), dice)
]

/** A handshake and frames, byte by byte, in pieces as TCP likes them. */
export function makeBytes (dice: Dice, { pools }: World): BytesCase {
  const lines = validHandshake(fixedToken({ sub: dice.pick(users), can: { subscribe: ['*'], publish: ['*'] } }))
  const handshake = dice.percent(65) ? headBytes(lines) : mutatedHandshake(lines, dice)
  const sent = dice.some(0, MAX_FRAMES, () => dice.pick(frames)(dice, Buffer.from(render(frameTree(dice, pools)))))
  return { kind: 'bytes', writes: pieces(dice, [handshake, ...sent.flat()]), frames: sent.length, ending: dice.pick(['fin', 'fin', 'reset']) }
}

function fragments (dice: Dice, text: Buffer): Buffer[] {
  const ends = dice.some(1, 5, () => dice.int(0, text.length)).sort((one, other) => one - other)
  return [...ends, text.length].map((end, index) =>
    writeFrame(index === 0 ? opcodes.text : opcodes.continuation, text.subarray(ends[index - 1] ?? 0, end), dice, { fin: index === ends.length }))
}

function cut (bytes: Buffer, dice: Dice): Buffer {
  return bytes.subarray(0, dice.int(0, bytes.length))
}

/** The same bytes in one write, in a write for each part, or in parts that end anywhere. */
function pieces (dice: Dice, parts: readonly Buffer[]): readonly Buffer[] {
  if (dice.percent(50)) return [Buffer.concat(parts)]
  if (dice.percent(50)) return parts
  const whole = Buffer.concat(parts)
  const ends = dice.some(1, 4, () => dice.int(0, whole.length)).sort((one, other) => one - other)
  return [...ends, whole.length].map((end, index) => whole.subarray(ends[index - 1] ?? 0, end))
}
