import { parseArgs } from 'node:util'
import { Arena } from './arena.ts'
import { fuzz, tell, type Totals } from './fuzz.ts'

/** `npm run fuzz`: CONTRIBUTING.md says how it is used. */

const DEFAULT_SECONDS = '60'
const SAY_EVERY_MS = 10_000

interface Limits {
  readonly seed: number
  readonly first: number
  readonly round?: number
  readonly isOver: (totals: Totals) => boolean
}

function limitsOf (args: readonly string[]): Limits {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { seed: text, seconds: text, frames: text, bodies: text, only: text } })
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole('seed', values.seed)
  const { only: range } = values
  if (range !== undefined) {
    const [first = 0, last = first] = range.split('-').map(number => whole('only', number))
    const round = last - first + 1
    return { seed, first, round, isOver: ({ cases }) => cases >= round }
  }
  const isCounted = values.frames !== undefined || values.bodies !== undefined
  const frames = whole('frames', values.frames ?? '0')
  const bodies = whole('bodies', values.bodies ?? '0')
  const ms = 1_000 * whole('seconds', values.seconds ?? (isCounted ? '1000000' : DEFAULT_SECONDS))
  let end: number | undefined
  return {
    seed,
    first: 0,
    isOver: totals => {
      // From the first case on, not from the start of the servers.
      end ??= Date.now() + ms
      return Date.now() > end || (isCounted && totals.frames >= frames && totals.bodies >= bodies)
    }
  }
}

function whole (name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`)
  return Number(text)
}

async function main (): Promise<void> {
  const limits = limitsOf(process.argv.slice(2))
  const { seed } = limits
  const ends: Array<() => unknown> = []
  const startedAt = performance.now()
  try {
    const arena = await Arena.open({ after: end => { ends.unshift(end as () => unknown) } })
    console.log(`seed ${seed}`)
    let saidAt = performance.now()
    let told = 0
    const { finds, ...totals } = await fuzz(arena, {
      ...limits,
      onRound: async (totals, finds) => {
        for (const find of finds.slice(told)) console.log(`FIND ${tell(arena, seed, find)}\n`)
        told = finds.length
        if (performance.now() - saidAt < SAY_EVERY_MS) return
        saidAt = performance.now()
        await say(arena, totals, startedAt)
      }
    })
    for (const find of finds.slice(told)) console.log(`FIND ${tell(arena, seed, find)}\n`)
    await say(arena, totals, startedAt)
    console.log(`${finds.length} finds`)
    process.exitCode = finds.length === 0 ? 0 : 1
  } finally {
    for (const end of ends) await end()
  }
}

async function say (arena: Arena, { cases, frames, requests, bodies }: Totals, startedAt: number): Promise<void> {
  const rss = await arena.rss()
  const memory = arena.servers.map(({ name }, index) => `${name} ${arena.rssAtStart[index]} → ${rss[index]} MB`).join(', ')
  const neighbours = arena.neighbours.map(({ count, slowestMs }) => `${count} publications, the slowest in ${slowestMs} ms`).join('; ')
  console.log(`${Math.round((performance.now() - startedAt) / 1_000)} s: ${cases} cases, ${frames} frames, ${requests} requests, ${bodies} bodies. Memory: ${memory}. Neighbours: ${neighbours}`)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
