// Roomcast beside others, alternating, several rounds in one run. docs/performance.md says what comes out and what it means.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { drawCharts } from './lib/chart.mjs'
import { Crowd } from './lib/crowd.mjs'
import { withFigures } from './lib/markdown.mjs'
import { startRedis, stopAll } from './lib/processes.mjs'
import { judge, printJudgement, printPoint } from './lib/report.mjs'
import { scenarios } from './lib/scenarios.mjs'
import { sides } from './lib/sides.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    scenarios: { type: 'string', default: Object.keys(scenarios).join(',') },
    sides: { type: 'string', default: Object.keys(sides).join(',') },
    /** Where JSON, charts and the document with the figures are, without their endings. */
    out: { type: 'string' }
  }
})
const chosenSides = options.sides.split(',')
const results = {}

try {
  for (const name of options.scenarios.split(',')) {
    const { title, points, isGrowth = false, sides: itsSides } = scenarios[name]
    const present = itsSides.filter(side => chosenSides.includes(side))
    results[name] = { title, isGrowth, points: {} }
    for (const [point, run] of Object.entries(points)) {
      // Between many points the noise shows by itself.
      const bySide = await measurePoint(present, run, isGrowth ? 1 : Number(options.rounds))
      results[name].points[point] = bySide
      printPoint(Object.keys(points).length > 1 ? `${title}: ${point}` : title, bySide)
    }
  }
} finally {
  await stopAll()
}

const judgement = judge(results)
printJudgement(judgement)
if (options.out !== undefined) {
  const [{ model }] = cpus()
  const machine = { node: process.version, processor: model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) }
  const report = { measuredAt: new Date().toISOString(), machine, rounds: Number(options.rounds), results, judgement }
  writeFileSync(`${options.out}.json`, `${JSON.stringify(report, undefined, 2)}\n`)
  writeFileSync(`${options.out}.svg`, drawCharts(results))
  writeFileSync(`${options.out}.md`, withFigures(readFileSync(`${options.out}.md`, 'utf8'), report))
}

/** Runs a point for each side in turn, several times over; resolves with the figures of all rounds, by side and measure. */
async function measurePoint (present, run, rounds) {
  const bySide = Object.fromEntries(present.map(side => [side, {}]))
  for (let round = 0; round < rounds; round++) {
    for (const side of present) {
      for (const [measure, value] of Object.entries(await runOnce(sides[side], run))) (bySide[side][measure] ??= []).push(value)
    }
  }
  return bySide
}

async function runOnce (side, run) {
  const redis = await startRedis()
  const servers = []
  const start = async () => {
    const server = await side.start(redis)
    servers.push(server)
    return server
  }
  const crowd = new Crowd()
  try {
    return await run({ side, start, redis, crowd, windowMs: Number(options.seconds) * 1_000 })
  } finally {
    crowd.close()
    for (const server of servers) server.stop()
    await stopAll()
  }
}
