import t from 'tap'
import { presenceStoreConformance } from '../conformance/presence-store.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'

for (const { server, cluster } of [{ server: 'Redis', cluster: false }, { server: 'Redis Cluster', cluster: true }]) {
  t.test(`on ${server}`, async t => {
    const redis = await startRedis(t, { cluster })
    presenceStoreConformance(t, 'RedisPresence', async (t, { leaseMs }) => {
      const node = await RedisNode.connect(t, redis, { prefix: randomPrefix(), leaseMs })
      return { store: node.store, broker: node.broker, pass: ms => node.pass(ms) }
    })
  })
}
