import t from 'tap'
import { RoomcastError } from '../../src/core/errors.ts'
import { Probes } from '../../src/redis/probes.ts'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import type { Shard } from '../../src/redis/shard.ts'
import type { Shards } from '../../src/redis/shards.ts'
import { slotOf } from '../../src/redis/slot-map.ts'

const keys = new RedisKeys({ prefix: 'p', db: 0 })
const UNREACHABLE = new RoomcastError('unavailable')

/** Two masters of a Redis Cluster, neither of which ever confirms a channel before the test says what becomes of that; a third of the slots has nobody. */
function start () {
  const [one, other] = [{}, {}] as [Shard, Shard]
  const subscribed: string[] = []
  let refuse = (_error: Error): void => {}
  const shards = {
    masters: [one, other],
    all: () => shards.masters,
    of: (key: string) => {
      const shard = [one, other][slotOf(key) % 3]
      if (shard === undefined) throw UNREACHABLE
      return shard
    },
    channels: {
      subscribe: (channel: string) => {
        subscribed.push(channel)
        return new Promise<void>((_resolve, reject) => { refuse = reject })
      },
      unsubscribe: async () => {}
    }
  }
  const probes = new Probes({ shards: shards as unknown as Shards, keys, timeoutMs: 1_000 })
  return { probes, shards, one, other, subscribed, refuse: () => { refuse(UNREACHABLE) } }
}

t.test('who probes a master at the same time listens to one channel, which is of its slots, also where others have nobody', async t => {
  const { probes, shards, one, subscribed, refuse } = start()
  const checks = [probes.check([one]), probes.check([one])]
  t.equal(subscribed.length, 1)
  t.equal(shards.of(subscribed[0] ?? ''), one)
  refuse()
  for (const check of checks) await t.rejects(check, UNREACHABLE)
  const again = probes.check([one])
  t.equal(subscribed.length, 2, 'what failed is begun anew')
  refuse()
  await t.rejects(again, UNREACHABLE)
})

t.test('a master that is none any more before its channel was confirmed is forgotten, and that this fails is told to who asked, and nobody else', async t => {
  const { probes, shards, one, other, subscribed, refuse } = start()
  const check = probes.check([one])
  shards.masters = [other]
  await probes.check([])
  refuse()
  await t.rejects(check, UNREACHABLE)
  // What nobody has caught by now ends the process.
  await new Promise(resolve => { setImmediate(resolve) })
  shards.masters = [one, other]
  const again = probes.check([one])
  t.equal(subscribed.length, 2)
  refuse()
  await t.rejects(again, UNREACHABLE)
})
