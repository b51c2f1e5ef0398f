import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Finding } from './findings.ts'
import type { Ledger } from './ledger.ts'
import { faults } from './plan.ts'
import { figures, openItem, progressLine } from './report.ts'
import { soak, type Progress, type SoakOptions } from './soak.ts'

/** `npm run soak`: CONTRIBUTING.md says how it is used. */

const SAY_EVERY_MS = 10_000

interface Request {
  readonly seed: number
  readonly minutes: number
  readonly connections: number
}

function requestOf (args: readonly string[]): Request {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { seed: text, minutes: text, connections: text } })
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole('seed', values.seed),
    minutes: whole('minutes', values.minutes ?? '10'),
    connections: whole('connections', values.connections ?? '2000')
  }
}

function whole (name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`)
  return Number(text)
}

function optionsOf ({ seed, minutes, connections }: Request): SoakOptions {
  // Some 100 connections a second: what two cores carry beside three nodes and a Redis.
  const rampMs = connections * 10
  return {
    seed,
    connections,
    durationMs: minutes * 60_000,
    warmUpMs: rampMs + 30_000,
    rampMs,
    faults,
    faultEveryMs: 10_000,
    publishesPerSecond: Math.min(40, Math.ceil(connections / 4))
  }
}

async function main (): Promise<void> {
  const request = requestOf(process.argv.slice(2))
  const { seed, minutes, connections } = request
  const ends: Array<() => unknown> = []
  // Only an exit takes the nodes with it; each of the many that a run starts waits for it.
  process.setMaxListeners(0)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { process.exit(1) })
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()
  let saidAt = 0
  const said = new Set<Finding>()
  const sayOpen = ({ findings }: Ledger): void => {
    for (const finding of findings.kept.filter(one => !said.has(one))) {
      said.add(finding)
      console.log(openItem(finding))
    }
  }
  try {
    console.log(`seed ${seed}`)
    const result = await soak({ after: end => { ends.unshift(end as () => unknown) } }, {
      ...optionsOf(request),
      onTurn: ({ ledger, phase, atMs }: Progress) => {
        sayOpen(ledger)
        if (performance.now() - saidAt < SAY_EVERY_MS) return
        saidAt = performance.now()
        console.log(`${phase} ${Math.round(atMs / 1_000)} s: ${progressLine(ledger)}; this process waited up to ${Math.round(lag.max / 1e6)} ms`)
        lag.reset()
      }
    })
    for (const line of figures(result)) console.log(line)
    sayOpen(result.ledger)
    const { count } = result.ledger.findings
    console.log(`${count} open items`)
    if (count === 0) return
    process.exitCode = 1
    console.log(`repeat it with: npm run soak -- --seed ${seed} --minutes ${minutes} --connections ${connections}`)
  } finally {
    for (const end of ends) await end()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
