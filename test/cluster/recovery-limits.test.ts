import t from 'tap'
import { gapsIn, Ledger, messagesIn } from '../client/ledger.ts'
import { connectClient, nextState } from '../client/library-client.ts'
import { portOf, startProxy, type TcpProxy } from '../client/tcp-proxy.ts'
import { startCluster } from '../helpers/cluster.ts'
import { publishTo } from '../helpers/outcomes.ts'
import { API_KEY, withKey, type ServerProcess } from '../helpers/server-process.ts'
import { sweep, whole } from '../helpers/sweep.ts'
import { until } from '../helpers/until.ts'

/** Long enough to ask for every position before it is over. */
const TTL_MS = 4_000
const SIZE = 8
const env = {
  ROOMS: JSON.stringify([
    { pattern: 'short', history: { size: SIZE } },
    { pattern: 'brief', history: { ttlMs: TTL_MS } }
  ])
}

const cluster = await startCluster(t, { env })
const [north, south] = cluster.pair()

type Publish = (count: number) => Promise<void>

interface Loss {
  readonly room: string
  readonly cause: string
  /** Brings it about that what was published first is not kept any more. */
  readonly lose: (publish: Publish) => Promise<unknown>
  /** From which position on all is kept, given how far the room had got before the loss, and has got now. */
  readonly from: (before: number, now: number) => number
}

const losses: Loss[] = [
  {
    room: 'short',
    cause: 'more is published than is kept',
    lose: publish => publish(SIZE),
    from: (_, now) => now - SIZE
  },
  {
    room: 'brief',
    cause: 'it gets older than is kept',
    lose: () => until('what is kept', [], () => south.history('brief'), TTL_MS + 3_000),
    from: before => before
  },
  {
    room: 'lobby',
    cause: 'it is deleted',
    lose: () => south.fetch('/rooms/lobby/history', { method: 'DELETE', headers: withKey(API_KEY) }),
    from: before => before
  }
]

/** What is published, and with it how far the room has got. */
function names (from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `publication ${from + index + 1}`)
}

for (const { room, cause, lose, from } of losses) {
  t.test(`when a part of the history is lost because ${cause}, positions from its end on are whole, and earlier ones are told`, async t => {
    const ledger = new Ledger()
    const enter = async (url: string) => {
      const client = await connectClient(t, url)
      const handle = client.room(room)
      await handle.subscribe()
      return { client, handle, told: ledger.follow(handle) }
    }
    // North has the end of the history in its memory, south must ask Redis.
    const witness = await enter(north.wsUrl)
    const ways = [await startProxy(t, north.url), await startProxy(t, north.url)] as const
    const [early, late] = [await enter(ways[0].wsUrl), await enter(ways[1].wsUrl)]
    const { epoch } = await early.handle.subscribe()
    let now = 0
    const publish: Publish = async count => {
      for (const data of names(now, now + count)) ledger.note(await publishTo(now++ % 2 === 0 ? north : south, room, data), data)
    }
    const leave = async ({ client, told }: typeof early, way: TcpProxy): Promise<void> => {
      await until('all before it leaves', names(0, now), () => messagesIn(told))
      const away = nextState(client, 'waiting')
      way.cut()
      await away
    }
    const comeBack = async ({ client }: typeof early, way: TcpProxy, url: string): Promise<void> => {
      const back = nextState(client, 'open')
      way.heal(portOf(url))
      await back
    }
    /** What every node must answer to every position, and to one that the room has not reached. */
    const recoveries = (before: number): { wanted: string[], ask: (node: ServerProcess) => Promise<string[]> } => {
      const question = { room, epoch, to: now + 1 }
      const first = from(before, now)
      return { wanted: whole({ from: first, upTo: now, data: names(first, now) }, question), ask: node => sweep(t, node, question) }
    }

    await publish(3)
    await leave(early, ways[0])
    await publish(2)
    const before = now
    await lose(publish)
    await leave(late, ways[1])
    // A node with some of it in its memory gets word of the loss a moment later.
    const lost = recoveries(before)
    for (const node of [north, south]) await until(`recoveries on ${node.name}`, lost.wanted, () => lost.ask(node))
    await publish(2)
    const after = recoveries(before)
    for (const node of [north, south]) t.same(await after.ask(node), after.wanted, `recoveries on ${node.name}`)

    const present = now
    await comeBack(early, ways[0], south.url)
    await comeBack(late, ways[1], south.url)
    await publish(1)
    for (const { told } of [witness, early, late]) await until('the last message', names(now - 1, now).at(-1), () => messagesIn(told).at(-1))
    t.same(gapsIn(early.told), [{ epoch, offset: present }], 'who missed what is lost is told the gap, once')
    t.same(messagesIn(early.told), [...names(0, 3), ...names(present, now)], 'and goes on from there')
    for (const { told } of [witness, late]) t.same([gapsIn(told), messagesIn(told)], [[], names(0, now)], 'who missed nothing of it is told none')
    t.same(late.told.filter(({ type }) => type === 'recovered'), [{ type: 'recovered', count: 2 }])
    t.same(ledger.faults, [])
  })
}

t.end()
