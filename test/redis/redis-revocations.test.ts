import t from 'tap'
import { revocationStoreConformance } from '../conformance/revocation-store.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'

for (const { server, cluster } of [{ server: 'Redis', cluster: false }, { server: 'Redis Cluster', cluster: true }]) {
  t.test(`on ${server}`, async t => {
    const redis = await startRedis(t, { cluster })
    revocationStoreConformance(t, 'RedisRevocations', async (t, { most }) => {
      const node = await RedisNode.connect(t, redis, { prefix: randomPrefix(), most })
      return { store: node.revocations, now: async () => Math.floor(await node.now()), pass: ms => node.pass(ms) }
    })
  })
}
