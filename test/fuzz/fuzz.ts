import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Arena } from './arena.ts'
import { describeCase } from './describe.ts'
import { countsOf, makeCase } from './make-case.ts'
import { play } from './play.ts'

/** What a case, or the cases of one round, did that it must not. */
export interface Find {
  readonly first: number
  readonly last: number
  readonly message: string
}

export interface Totals {
  cases: number
  frames: number
  requests: number
  /** Those of the requests that have a body. */
  bodies: number
}

export interface FuzzOptions {
  readonly seed: number
  /** The number of the first case. */
  readonly first?: number
  /** Asked before each round. */
  readonly isOver: (totals: Totals) => boolean
  /** Cases between two looks at the servers and the neighbours. */
  readonly round?: number
  readonly onRound?: (totals: Totals, finds: readonly Find[]) => void | Promise<void>
}

export interface FuzzResult extends Totals {
  readonly finds: readonly Find[]
}

const ROUND = 1_000

/** Cases that are played at once. */
const AT_ONCE = 32

/** With more finds than this the rest is likely to be more of the same. */
const MAX_FINDS = 20

/** Longest that this process itself was kept waiting in a round, in ms: where that is long, the machine may be at fault and not the server. */
const lag = monitorEventLoopDelay({ resolution: 10 })

/** Plays cases in rounds until it is over. What a round did to the servers or the neighbours ends the run, since nothing after it means anything. */
export async function fuzz (arena: Arena, { seed, first = 0, isOver, round = ROUND, onRound }: FuzzOptions): Promise<FuzzResult> {
  const totals = { cases: 0, frames: 0, requests: 0, bodies: 0 }
  const finds: Find[] = []
  lag.enable()
  while (!isOver(totals) && finds.length < MAX_FINDS) {
    const numbers = Array.from({ length: round }, (_, index) => first + totals.cases + index)
    const left = numbers.values()
    lag.reset()
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const number of left) finds.push(...await playCase(arena, seed, number, totals))
    }))
    totals.cases += round
    try {
      await arena.check()
    } catch (error) {
      finds.push({ first: numbers[0] ?? 0, last: numbers.at(-1) ?? 0, message: `${messageOf(error)} (the fuzzer itself waited up to ${Math.round(lag.max / 1e6)} ms)` })
      return { ...totals, finds }
    }
    await onRound?.(totals, finds)
  }
  try {
    await arena.checkEmptied()
  } catch (error) {
    finds.push({ first, last: first + totals.cases - 1, message: messageOf(error) })
  }
  return { ...totals, finds }
}

/** How a find is told: what was wrong, how to repeat it, and what was sent. */
export function tell (arena: Arena, seed: number, { first, last, message }: Find): string {
  const which = first === last ? `${first}` : `${first}-${last}`
  const sent = first === last ? `\n${describeCase(makeCase(seed, first, arena.world))}` : ''
  return `${message}\nrepeat it with: npm run fuzz -- --seed ${seed} --only ${which}${sent}`
}

async function playCase (arena: Arena, seed: number, number: number, totals: Totals): Promise<Find[]> {
  const one = makeCase(seed, number, arena.world)
  const { frames, requests, bodies } = countsOf(one)
  totals.frames += frames
  totals.requests += requests
  totals.bodies += bodies
  try {
    await play(one, arena.urlOf(one.server))
    return []
  } catch (error) {
    return [{ first: number, last: number, message: messageOf(error) }]
  }
}

function messageOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}
