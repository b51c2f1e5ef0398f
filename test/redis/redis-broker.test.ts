import t, { type Test } from 'tap'
import { brokerConformance } from '../conformance/broker.ts'
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
    brokerConformance(t, 'RedisBroker', async (t, count) => {
      const prefix = randomPrefix()
      return Promise.all(Array.from({ length: count }, async () => (await RedisNode.connect(t, redis, { prefix })).broker))
    })
  })
}
