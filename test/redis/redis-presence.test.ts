import t, { type Test } from 'tap'
import { presenceStoreConformance } from '../conformance/presence-store.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedisCluster } from '../helpers/redis-cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'

const servers = {
  Redis: (t: Test) => startRedis(t),
  'a Redis Cluster of three masters': (t: Test) => startRedisCluster(t, { replicas: 'none' })
}

for (const [server, start] of Object.entries(servers)) {
  t.test(`on ${server}`, async t => {
    const redis = await start(t)
    presenceStoreConformance(t, 'RedisPresence', async (t, { leaseMs }) => {
      const node = await RedisNode.connect(t, redis, { prefix: randomPrefix(), leaseMs })
      return { store: node.store, broker: node.broker, pass: ms => node.pass(ms) }
    })
  })
}
