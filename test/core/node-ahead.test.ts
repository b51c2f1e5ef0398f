import t from 'tap'
import type { HistoryPage, HistoryQuery } from '../../src/core/broker.ts'
import type { Position, RoomEnd } from '../../src/core/publication.ts'
import { startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

/** A broker whose epochs can be renewed, as after a restart, without its telling anybody. */
class RenewedBroker extends ScriptedBroker {
  #suffix = ''

  renew (): void {
    this.#suffix = ' renewed'
  }

  override async position (room: string): Promise<RoomEnd> {
    return this.#renewed(await super.position(room) as RoomEnd)
  }

  override async history (room: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#renewed(await super.history(room, query))
  }

  #renewed<End extends RoomEnd> (end: End): End {
    const { epoch, offset } = end
    return this.#suffix === '' ? end : { ...end, epoch: `${epoch}${this.#suffix}`, inherits: { epoch, upTo: offset } }
  }
}

/** A node with alice in a room in which one thing was published, and how others come to it from nodes that are further. */
async function startBehind (t: Parameters<typeof startMemoryNode>[0]) {
  const broker = new RenewedBroker()
  const { connect, realtime } = await startMemoryNode(t, { broker })
  const publish = (data: unknown) => realtime.publish({ room: 'lobby' }, data)
  const alice = await connect('alice')
  const { epoch } = await alice.ask({ type: 'subscribe', room: 'lobby' }) as unknown as Position
  await publish(1)
  await alice.rest()
  const come = async (since: Position, onConnected = () => {}) => {
    const peer = await connect('bob')
    onConnected()
    return { peer, subscribed: await peer.ask({ type: 'subscribe', room: 'lobby', since }) }
  }
  const reads = (): number => broker.calls.filter(call => call === 'position lobby').length
  return { broker, publish, alice, epoch, come, reads }
}

t.test('who comes from a node that is further waits until this one has caught up, and is told no gap and nothing twice', async t => {
  const { broker, publish, alice, epoch, come } = await startBehind(t)
  broker.cut()
  for (const data of [2, 3]) await publish(data)
  const { peer, subscribed } = await come({ epoch, offset: 2 })
  t.match(subscribed, { type: 'subscribed', epoch, offset: 3, recovered: true, publications: [{ offset: 3, data: 3 }] })
  t.match(await alice.rest(), [{ type: 'message', offset: 2 }, { type: 'message', offset: 3 }], 'who is here gets what the node had missed')
  broker.heal()
  await publish(4)
  t.match(await peer.rest(), [{ offset: 4 }])
  t.match(await alice.rest(), [{ offset: 4 }])
})

t.test('who was told a new epoch by another node before this one heard of it goes on under it', async t => {
  const { broker, alice, epoch, come } = await startBehind(t)
  broker.renew()
  const renewed = `${epoch} renewed`
  const { peer, subscribed } = await come({ epoch: renewed, offset: 1 })
  t.match(subscribed, { type: 'subscribed', epoch: renewed, offset: 1, recovered: true, publications: [] })
  t.same(await peer.rest(), [])
  t.match(await alice.rest(), [{ type: 'subscribed', epoch: renewed, offset: 1, recovered: true }])
})

t.test('where the node cannot catch up now, it says so rather than telling a gap', async t => {
  const { broker, publish, epoch, come } = await startBehind(t)
  broker.cut()
  await publish(2)
  for (const method of ['position', 'check'] as const) {
    const { subscribed } = await come({ epoch, offset: 2 }, () => { broker.failNext(method) })
    t.match(subscribed, { type: 'error', code: 'unavailable' }, method)
  }
  t.match((await come({ epoch, offset: 2 })).subscribed, { type: 'subscribed', offset: 2, recovered: true })
})

t.test('a position that nobody was ever at is looked up and not recovered, and many who come from one lost epoch cost no more than one', async t => {
  const { epoch, come, reads } = await startBehind(t)
  t.match((await come({ epoch, offset: 2 })).subscribed, { type: 'subscribed', offset: 1, recovered: false })
  const before = reads()
  for (let count = 0; count < 20; count++) {
    t.match((await come({ epoch: 'lost', offset: 5 })).subscribed, { type: 'subscribed', epoch, offset: 1, recovered: false })
  }
  t.equal(reads() - before, 1)
})
