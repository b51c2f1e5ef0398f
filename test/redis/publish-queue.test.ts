import t from 'tap'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'

const redis = await startRedis(t)
const { broker } = await RedisNode.connect(t, redis, { prefix: randomPrefix() })
// The first call brings the script to Redis.
await broker.publish({ room: 'first', data: '0' })

/** Script calls that Redis has had so far. */
async function calls (): Promise<number> {
  const stats = await redis.command('INFO', 'commandstats') as string
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

/** How many calls it takes to publish in one turn of the event loop. */
async function callsFor (drafts: ReadonlyArray<{ room: string, data: string }>): Promise<number> {
  const before = await calls()
  await Promise.all(drafts.map(draft => broker.publish(draft)))
  return await calls() - before
}

function many (count: number, data = '0'): Array<{ room: string, data: string }> {
  return Array.from({ length: count }, () => ({ room: 'lobby', data }))
}

t.test('what is published to a room in one turn shares a call, up to 128 of them', async t => {
  t.equal(await callsFor(many(1)), 1)
  t.equal(await callsFor(many(128)), 1)
  t.equal(await callsFor(many(129)), 2)
  t.equal(await callsFor(many(1_000)), 8)
})

t.test('each room has its own call, whose keys share a slot', async t => {
  t.equal(await callsFor([...many(5), ...many(5).map(draft => ({ ...draft, room: 'attic' }))]), 2)
})

t.test('a call ends where it holds a quarter of a megabyte', async t => {
  t.equal(await callsFor(many(9, `"${'x'.repeat(100_000)}"`)), 3)
})

t.test('what Redis does not answer is refused, each of it', async t => {
  await redis.kill()
  const settled = await Promise.allSettled(many(200).map(draft => broker.publish(draft)))
  const codes = settled.map(one => one.status === 'rejected' && (one.reason as { code: string }).code)
  t.same(codes.filter(code => code !== 'unavailable' && code !== 'outcome_unknown'), [])
})

t.end()
