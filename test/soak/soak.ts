import type { Test } from 'tap'
import type { Environment } from '../helpers/server-process.ts'
import { Fleet } from './fleet.ts'
import { Ledger } from './ledger.ts'
import { calm, checkKeys, isEmptied } from './leftovers.ts'
import type { Measure } from './measure.ts'
import { makePlan, roomsFor, type Fault, type PlanOptions } from './plan.ts'
import { settle } from './settling.ts'
import { Stage } from './stage.ts'

export interface SoakOptions {
  readonly seed: number
  readonly connections: number
  readonly durationMs: number
  readonly warmUpMs: number
  readonly rampMs: number
  readonly faults: readonly Fault[]
  readonly faultEveryMs: number
  readonly publishesPerSecond: number
  readonly env?: Environment
  /** Called every few seconds, with how it stands. */
  readonly onTurn?: (progress: Progress) => void
}

export interface Progress {
  readonly ledger: Ledger
  readonly phase: 'warm-up' | 'soak'
  readonly atMs: number
}

export interface SoakResult {
  readonly ledger: Ledger
  /** By node: before, and after everyone has left. */
  readonly baseline: readonly Measure[]
  readonly end: readonly Measure[]
  readonly heapPeaks: readonly number[]
  readonly keys: ReadonlyMap<string, number>
}

const NODES = 3
/** What a warm-up goes through, so that what the nodes need for it once is there before they are measured. */
const WARM_UP_FAULTS: readonly Fault[] = ['subscriber links cut', 'publisher links cut', 'scripts flushed']
/** Nothing that a client can miss while it is away is forgotten: a hole is told only where Redis lost everything. */
const env: Environment = {
  ROOMS: JSON.stringify([{ pattern: '*', history: { size: 10_000, ttlMs: 300_000 } }]),
  MAX_UPGRADES_PER_SECOND: '0'
}

/** Warms three nodes up, measures them, soaks them, and measures them again when everyone has left. What is wrong stands in the ledger's findings. */
export async function soak (t: Pick<Test, 'after'>, options: SoakOptions): Promise<SoakResult> {
  const fleet = await Fleet.open(t, { nodes: NODES, env: { ...env, ...options.env } })
  const warm = await phase(t, fleet, options, 'warm-up')
  const baseline = await calm(warm)
  const parts = await phase(t, fleet, options, 'soak')
  const { ledger } = parts
  const end = await calm(parts, baseline)
  const keys = await checkKeys(parts)
  for (const { what } of warm.ledger.findings.kept) ledger.findings.note(`in the warm-up: ${what}`)
  return { ledger, baseline, end, heapPeaks: fleet.heapPeaks, keys }
}

/** Plays one plan, from an empty stage to an empty stage. */
async function phase (t: Pick<Test, 'after'>, fleet: Fleet, options: SoakOptions, name: Progress['phase']): Promise<{ fleet: Fleet, stage: Stage, ledger: Ledger }> {
  const ledger: Ledger = new Ledger(() => stage.atMs)
  const stage: Stage = new Stage({
    fleet,
    ledger,
    name,
    connections: options.connections,
    rooms: roomsFor(options.connections),
    onTurn: () => {
      fleet.look(ledger.findings)
      fleet.sampleHeaps()
      options.onTurn?.({ ledger, phase: name, atMs: stage.atMs })
    }
  })
  t.after(() => { stage.abandon() })
  const parts = { fleet, stage, ledger }
  await stage.play(makePlan(planOf(options, name)))
  await settle(parts)
  await stage.empty()
  await isEmptied(parts)
  fleet.look(ledger.findings)
  return parts
}

/** The plan of a phase; all chance is in its seed. */
export function planOf (options: SoakOptions, name: Progress['phase']): PlanOptions {
  const { warmUpMs, ...rest } = options
  return name === 'soak' ? { ...rest, number: 1, nodes: NODES } : { ...rest, number: 0, nodes: NODES, durationMs: warmUpMs, faults: WARM_UP_FAULTS, faultEveryMs: 2_000 }
}
