import tap, { Test, type TestOpts } from 'tap'
import type { Broker } from '../../src/core/broker.ts'
import { suiteHistoryOf } from './broker-suite/history-policy.ts'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { answered } from './broker-cluster.ts'
import { brokerConformance, type BrokerConformanceOptions } from './broker.ts'
import { brokenBrokers } from './fixtures/broken-brokers.ts'

const BAIL = 'Bail out!'
/** Two dozen suites run beside each other, in this one process. */
const SUITES_MS = 60_000
const ALONE: BrokerConformanceOptions = { nodes: 1, reason: 'a broken broker is one object' }

tap.test('a healthy broker passes the suite', async t => {
  t.equal(await firstFailure(() => new MemoryBroker({ historyOf: suiteHistoryOf })), undefined)
})

tap.test('a broker with a fault fails the suite, at the sentence that forbids it', async t => {
  const failures = await Promise.all(brokenBrokers.map(({ make }) => firstFailure(make)))
  for (const [index, { fault, caughtBy }] of brokenBrokers.entries()) {
    t.match(failures[index] ?? 'nothing failed', caughtBy, fault)
  }
})

tap.test('the suite refuses an option that it does not know, and a waiver without a reason', async t => {
  const run = (options: object) => () => {
    brokerConformance(scratchTest(), 'a broker', async () => [new MemoryBroker({ historyOf: suiteHistoryOf })], options as BrokerConformanceOptions)
  }
  t.throws(run({ nodes: 2, reconnects: false }), { message: /no option reconnects/ })
  t.throws(run({ nodes: 2, reason: 'of no use' }), { message: /no option reason/ })
  t.throws(run({ nodes: 1 }), { message: /needs a reason/ })
  t.throws(run({ nodes: 3 }), { message: /1 or 2 nodes/ })
})

function scratchTest (): Test {
  const options: TestOpts = { name: 'scratch', bail: true }
  return new Test(options)
}

/** Runs the suite in a test of its own, up to the first failure, and tells the title of what failed. */
async function firstFailure (make: () => Broker): Promise<string | undefined> {
  const scratch = scratchTest()
  let report = ''
  const end = new Promise<void>(resolve => {
    scratch.on('end', resolve)
    scratch.on('data', (chunk: unknown) => {
      report += String(chunk)
      // What fails by a throw bails out without an end.
      if (report.includes(BAIL)) resolve()
    })
  })
  brokerConformance(scratch, 'a broker', async () => [make()], ALONE)
  scratch.end()
  await answered('end of the suite', end, SUITES_MS)
  const [before = '', ...after] = report.split(BAIL)
  return after.length === 0 ? undefined : [...before.matchAll(/# Subtest: (.*)/g)].at(-1)?.[1]
}
