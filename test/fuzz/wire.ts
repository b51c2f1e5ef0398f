import type { Dice } from './dice.ts'

/** How a frame is written, where it is not as RFC 6455 §5.2 wants it from a client: whole, masked, in the shortest form, of its own length. */
export interface Writing {
  readonly fin?: boolean
  /** RSV1, RSV2 and RSV3, as one number of 3 bits. */
  readonly rsv?: number
  readonly isMasked?: boolean
  /** In how many bits the length is written. */
  readonly form?: 7 | 16 | 64
  /** What is said of the length. */
  readonly claimedLength?: bigint
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export function writeFrame (opcode: number, payload: Buffer, dice: Dice, writing: Writing = {}): Buffer {
  const { fin = true, rsv = 0, isMasked = true, claimedLength = BigInt(payload.length) } = writing
  const { form = claimedLength < 126n ? 7 : claimedLength < 65_536n ? 16 : 64 } = writing
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const masked = isMasked ? 0x80 : 0
  if (form === 7) head[1] = masked | Number(BigInt.asUintN(7, claimedLength))
  if (form === 16) head[1] = masked | 126
  if (form === 64) head[1] = masked | 127
  if (form === 16) head.writeUInt16BE(Number(BigInt.asUintN(16, claimedLength)), 2)
  if (form === 64) head.writeBigUInt64BE(BigInt.asUintN(64, claimedLength), 2)
  if (!isMasked) return Buffer.concat([head, payload])
  const mask = dice.bytes(4)
  const body = Buffer.from(payload)
  for (let index = 0; index < body.length; index++) body[index] = (body[index] ?? 0) ^ (mask[index & 3] ?? 0)
  return Buffer.concat([head, mask, body])
}

/** The payload of a close frame. */
export function closePayload (code: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason)])
}
