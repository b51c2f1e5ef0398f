import { clientFrameSchemas } from '../../src/core/frames.ts'
import type { MessagesCase } from './case.ts'
import type { Dice } from './dice.ts'
import { hostileValue } from './hostile.ts'
import { render, type Tree } from './json-tree.ts'
import { mutateText, mutateTree } from './mutate.ts'
import { sample, type Pools, type Schema } from './sample.ts'
import { fixedToken, users, type World } from './world.ts'

/** One WebSocket message of a client. */
export interface Message {
  readonly payload: Buffer
  readonly format: 'text' | 'binary'
  /** Whether it may be something that the protocol refuses; else the connection must live on. */
  readonly isMutated: boolean
}

/** The largest frame that the servers take. */
export const MAX_FRAME_BYTES = 65_536

/** Messages that the protocol takes, whatever they ask for, before one that it may not. */
const MAX_VALID = 48

const frameTypes = ['subscribe', 'subscribe', 'unsubscribe', 'publish', 'publish', 'publish', 'presence', 'history', 'resume', 'ping'] as const

const grants = [
  ...Array.from({ length: 6 }, () => ({ can: { subscribe: ['*'], publish: ['*'] } })),
  { can: { subscribe: ['fuzz:*'], publish: ['fuzz:1'] }, rooms: ['fuzz:1', '__proto__'] },
  { can: { subscribe: ['*'], publish: ['*'], presence: [], history: [] } },
  { rooms: ['fuzz:2', 'toString'] },
  {}
]

/** Frames of every type, as their schemas want them but of hostile content, and at the end often one that is mutated. */
export function makeMessages (dice: Dice, { pools }: World): MessagesCase {
  const isResuming = dice.percent(15)
  const valid = dice.some(0, MAX_VALID, () => validMessage(frameTree(dice, pools)))
  const first = isResuming && dice.percent(80) ? [validMessage(frameTree(dice, pools, 'resume'))] : []
  const mutated = dice.percent(85) ? [mutatedMessage(frameTree(dice, pools), dice)] : []
  const behind = dice.percent(20) ? dice.some(1, 3, () => validMessage(frameTree(dice, pools))) : []
  return {
    kind: 'messages',
    path: isResuming ? '/ws?resume=1' : '/ws',
    token: fixedToken({ sub: dice.pick(users), ...dice.pick(grants), ...dice.percent(20) && { info: JSON.parse(infoText(dice)) as unknown } }),
    isEager: dice.percent(50),
    messages: [...first, ...valid, ...mutated, ...behind],
    ending: dice.pick(['close', 'close', 'fin', 'reset'])
  }
}

/** A frame that its schema accepts. */
export function frameTree (dice: Dice, pools: Pools, type: keyof typeof clientFrameSchemas = dice.pick(frameTypes)): Tree {
  return sample(clientFrameSchemas[type] as Schema, dice, pools)
}

function validMessage (tree: Tree): Message {
  return { payload: Buffer.from(render(tree)), format: 'text', isMutated: false }
}

function mutatedMessage (tree: Tree, dice: Dice): Message {
  if (dice.percent(5)) return { payload: Buffer.from(render(tree)), format: 'binary', isMutated: true }
  if (dice.percent(3)) return { payload: padded(render(tree), MAX_FRAME_BYTES + dice.int(-1, 1)), format: 'text', isMutated: true }
  const payload = dice.percent(25) ? mutateText(render(tree), dice) : Buffer.from(render(mutateTree(tree, dice)))
  return { payload, format: 'text', isMutated: true }
}

/** A JSON text that is so many bytes long. */
export function padded (text: string, bytes: number): Buffer {
  return Buffer.from(text + ' '.repeat(Math.max(0, bytes - Buffer.byteLength(text))))
}

/** What a token shows of a user: anything, within its limit. */
function infoText (dice: Dice): string {
  for (;;) {
    const text = hostileValue(dice)
    if (text.length < 150) return text
  }
}
