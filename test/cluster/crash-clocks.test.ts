import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
const SWEEP_MS = LEASE_MS + 1_000 + HEARTBEAT_MS
/** For a busy machine. */
const MARGIN_MS = 2_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

/** What makes a process' wall clock wrong, and leaves its monotonic clock alone, as a bad NTP server does. */
function clockOff (ms: number): Record<string, string> {
  const source = `const now = Date.now; const Real = Date
    globalThis.Date = class extends Real { constructor (...args) { args.length === 0 ? super(now() + ${ms}) : super(...args) } }
    Date.now = () => now() + ${ms}`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` }
}

async function enter (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe('lobby')
  return client
}

// bolshakov/stoplight#315: expiry judged by each node's own clock.
for (const offMs of [90_000, -90_000]) {
  t.test(`P36: a node whose wall clock is ${offMs / 1_000} s off judges nobody wrongly, and nobody judges it wrongly`, async t => {
    const cluster = await startCluster(t, { nodes: 0, env })
    const right = await cluster.start()
    const wrong = await cluster.start(clockOff(offMs))
    const doomed = await cluster.start()
    const list = await watch(await connect(t, { url: wrong.wsUrl, token: memberToken('watcher') }), 'lobby')
    const alice = await enter(t, right, 'alice')
    const bob = await enter(t, wrong, 'bob')
    const carol = await enter(t, doomed, 'carol')
    const ids = await Promise.all([alice, bob, carol].map(client => nodeIdOf(right, client)))
    const { connections: [record] } = await right.presence('bob')
    const skewMs = (record?.connectedAt ?? 0) - Date.now()
    t.ok(Math.abs(skewMs - offMs) < 10_000, `its clock is off by ${skewMs} ms indeed`)

    async function judge (): Promise<boolean[][]> {
      return Promise.all([right, wrong].map(node => Promise.all(['alice', 'bob', 'carol'].map(async user => (await node.presence(user)).online))))
    }
    t.same(await judge(), [[true, true, true], [true, true, true]])
    const killedAt = Date.now()
    await cluster.kill(doomed)
    const mistakes: boolean[][][] = []
    await until('the dead one is offline for both', [[true, true, false], [true, true, false]], async () => {
      const seen = await judge()
      if (seen.some(([alice, bob]) => alice === false || bob === false)) mistakes.push(seen)
      return seen
    }, LEASE_MS + MARGIN_MS)
    await cluster.isSwept(ids[2] ?? '', SWEEP_MS + MARGIN_MS)
    t.same(mistakes, [], 'the living were online all the time, for both')
    t.same(await judge(), [[true, true, false], [true, true, false]])
    for (const node of [right, wrong]) {
      t.same(await node.occupancy('lobby'), { connections: 3, members: 3 })
      const { lastSeenAt } = await node.presence('carol')
      t.ok(Math.abs((lastSeenAt ?? 0) - killedAt) < 5_000, 'last seen when the killed node last renewed, on Redis\' clock')
    }
    t.same(await Promise.all([alice, bob].map(client => nodeIdOf(right, client))), ids.slice(0, 2), 'both kept their lease')
    await settle(right, [list])
    t.same(list.events, ['join alice', 'join bob', 'join carol', 'leave carol'])
    t.same([list.faults, list.repairs], [[], 0])
    await equalsServer(list, wrong)
  })
}
