import { makeBytes } from './byte-cases.ts'
import type { Case } from './case.ts'
import { Dice } from './dice.ts'
import { makeMessages } from './message-cases.ts'
import { makeRequests } from './request-cases.ts'
import type { World } from './world.ts'

/** In 100 cases. The rest are requests. */
const MESSAGES = 50
const BYTES = 20

/** The case with a number: the same each time for the same seed and the same world. */
export function makeCase (seed: number, number: number, world: World): Case {
  const dice = new Dice(seed, number)
  const server = dice.int(0, world.servers - 1)
  const kind = dice.int(0, 99)
  if (kind < MESSAGES) return { server, ...makeMessages(dice, world) }
  return { server, ...kind < MESSAGES + BYTES ? makeBytes(dice, world) : makeRequests(dice, world) }
}

/** How many frames, how many REST requests, and how many bodies of requests are in a case. */
export function countsOf (one: Case): { frames: number, requests: number, bodies: number } {
  switch (one.kind) {
    case 'messages': return { frames: one.messages.length, requests: 0, bodies: 0 }
    case 'bytes': return { frames: one.frames, requests: 0, bodies: 0 }
    case 'requests': return { frames: 0, requests: one.requests.length, bodies: one.requests.filter(({ hasBody }) => hasBody).length }
    default: return one satisfies never
  }
}
