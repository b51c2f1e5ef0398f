import t from 'tap'
import { brokerConformance } from '../conformance/broker.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'

for (const { server, cluster } of [{ server: 'Redis', cluster: false }, { server: 'Redis Cluster', cluster: true }]) {
  t.test(`on ${server}`, async t => {
    const redis = await startRedis(t, { cluster })
    brokerConformance(t, 'RedisBroker', async (t, count) => {
      const prefix = randomPrefix()
      return Promise.all(Array.from({ length: count }, async () => (await RedisNode.connect(t, redis, { prefix })).broker))
    })
  })
}
