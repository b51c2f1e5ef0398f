import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LIMIT = 20
/** Far more than the limit. */
const GREED = 100_000
const AT_ONCE = 5_000

const cluster = await startCluster(t, { nodes: 1, env: { MAX_ROOMS_PER_CONNECTION: String(LIMIT), FRAME_BURST: String(2 * GREED) } })
const [node] = cluster.nodes as [typeof cluster.nodes[number]]
const names = Array.from({ length: GREED }, (_, index) => `room-${index}`)

async function enter (t: Test, sub: string, claims = {}, eager?: object): Promise<TestClient> {
  return connect(t, {
    url: eager === undefined ? node.wsUrl : `${node.wsUrl}?resume=1`, token: memberToken(sub, claims), ...eager && { eager: [JSON.stringify(eager)] }
  })
}

/** Redis channels of the rooms that were asked for. */
async function channelCount (): Promise<number> {
  return (await cluster.channels('{r:room-')).length
}

t.test('P18: who asks for more rooms than it may is refused each of them, and keeps those that it has', async t => {
  const alice = await enter(t, 'alice')
  const settled: Array<PromiseSettledResult<unknown>> = []
  // No more at once than are answered in time.
  for (let from = 0; from < GREED; from += AT_ONCE) {
    settled.push(...await Promise.allSettled(names.slice(from, from + AT_ONCE).map(room => alice.subscribe(room))))
  }
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, LIMIT)
  for (const one of settled) if (one.status === 'rejected' && (one.reason as { code?: string }).code !== 'limit_exceeded') t.fail(String(one.reason))
  t.equal(await channelCount(), LIMIT)

  t.match(await alice.subscribe('room-0'), { room: 'room-0' }, 'a room that it is in takes no place')
  await t.rejects(alice.subscribe('another'), { code: 'limit_exceeded' })
  await alice.unsubscribe('room-0')
  t.match(await alice.subscribe('another'), { room: 'another' }, 'and one that it leaves frees its own')
  await t.rejects(alice.subscribe('room-0'), { code: 'limit_exceeded' })
  await node.publish({ room: 'another', data: 1 })
  t.match(await alice.inbox.next('the publication'), { type: 'message', room: 'another' })

  await alice.close()
  await until('channels', 0, channelCount)
})

t.test('a resume is held to the limit too, and told which rooms it did not get', async t => {
  const rooms = names.slice(0, LIMIT + 5).map(room => ({ room }))
  const bob = await enter(t, 'bob', {}, { type: 'resume', rooms })
  const refused = []
  for (let count = 0; count < 5; count++) refused.push(await bob.inbox.next('a refusal'))
  t.ok(refused.every(frame => frame.type === 'error' && frame.code === 'limit_exceeded' && frame.retryAfterMs === undefined), 'and that asking again is no use')
  const got = bob.welcome.rooms.map(({ room }) => room).filter(room => !room.startsWith('$'))
  const told = refused.map(frame => frame.type === 'error' && frame.room)
  t.same(new Set([...got, ...told]), new Set(rooms.map(({ room }) => room)))
  t.equal(got.length, LIMIT)
  await t.rejects(bob.subscribe('another'), { code: 'limit_exceeded' })
})

t.test('rooms that the token names take no place', async t => {
  const carol = await enter(t, 'carol', { rooms: ['office', 'kitchen'] })
  const settled = await Promise.allSettled(names.slice(0, LIMIT + 1).map(room => carol.subscribe(room)))
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, LIMIT)
  t.match(await carol.subscribe('office'), { room: 'office' })
})

t.end()
