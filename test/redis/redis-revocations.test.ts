import t, { type Test } from 'tap'
import { revocationStoreConformance } from '../conformance/revocation-store.ts'
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
    revocationStoreConformance(t, 'RedisRevocations', async (t, { most }) => {
      const node = await RedisNode.connect(t, redis, { prefix: randomPrefix(), most })
      return { store: node.revocations, now: async () => Math.floor(await node.now()), pass: ms => node.pass(ms) }
    })
  })
}
