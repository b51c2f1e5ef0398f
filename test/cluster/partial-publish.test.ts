import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { userRoom } from '../../src/core/names.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { PublishBody } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const cluster = await startCluster(t, { nodes: 1 })
const [node] = cluster.nodes
if (node === undefined) throw new Error('a node is missing')

/** Lets the user of the narrow node write to all that is no room's, and to these rooms; it may read everything. */
async function allow (...rooms: readonly string[]): Promise<void> {
  const others = ['n:', 'u:', 'p:', 'rooms}', 'leases}', 'revocations}', 'r:$control}'].map(tag => `~${cluster.prefix}:{${tag}*`)
  const keys = rooms.map(room => `~${cluster.keys.roomEnd(room).replace(/end$/, '*')}`)
  await cluster.redis.command('ACL', 'SETUSER', 'narrow', 'on', '>secret', 'resetkeys', '&*', '+@all', '%R~*', ...others, ...keys)
}

await allow()
const narrow = await cluster.start({ REDIS_URL: cluster.redis.url.replace('//', '//narrow:secret@') })

/** Three rooms of the test's own, and somebody in each of them. */
async function rooms (t: Test): Promise<{ rooms: [string, string, string], everybody: TestClient[] }> {
  const rooms: [string, string, string] = [randomUUID(), randomUUID(), randomUUID()]
  const everybody = await Promise.all(rooms.map(async room => {
    const client = await connect(t, { url: node?.wsUrl ?? '', token: memberToken(`in ${room}`) })
    await client.subscribe(room)
    return client
  }))
  return { rooms, everybody }
}

/** How many copies each has received of what was published under test. */
async function copies (clients: readonly TestClient[], data: unknown): Promise<number[]> {
  if (node === undefined) return []
  return (await receivedBy(node, clients)).map(frames => frames.filter(frame => frame.type === 'message' && frame.data === data).length)
}

t.test('what happened only in part is told room by room, and the same under the same key completes the rest', async t => {
  const { rooms: [a, b, c], everybody } = await rooms(t)
  const body: PublishBody = { rooms: [a, b, c], data: 'thrice', key: 'k' }
  await allow(b)
  const first = await narrow.publish(body)
  t.equal(first.status, 503)
  t.equal(first.headers.get('retry-after'), '1')
  t.match(first.body, { statusCode: 503, code: 'outcome_unknown', error: 'Service Unavailable', message: /./ })
  t.match(first.body['publications'], [
    { room: a, code: 'unavailable' }, { room: b, epoch: /./, offset: 1, duplicate: false }, { room: c, code: 'unavailable' }
  ])
  const positions = new Set(['epoch', 'offset', 'duplicate'])
  for (const one of first.body['publications'] as object[]) {
    t.equal(Object.keys(one).some(key => positions.has(key)), !('code' in one), 'a position or a code, never both')
    t.notOk('user' in one)
  }
  t.same(await copies(everybody, 'thrice'), [0, 1, 0])

  await allow(b, c)
  t.match((await narrow.publish(body)).body, {
    code: 'outcome_unknown',
    publications: [{ room: a, code: 'unavailable' }, { room: b, offset: 1, duplicate: true }, { room: c, offset: 1, duplicate: false }]
  })
  t.same(await copies(everybody, 'thrice'), [0, 0, 1])

  await allow(a, b, c)
  const last = await narrow.publish(body)
  t.equal(last.status, 200)
  t.match(last.body, {
    publications: [{ room: a, offset: 1, duplicate: false }, { room: b, offset: 1, duplicate: true }, { room: c, offset: 1, duplicate: true }]
  })
  t.same((await node.publish(body)).body['publications'], (last.body['publications'] as object[]).map(one => ({ ...one, duplicate: true })))
  t.same(await copies(everybody, 'thrice'), [1, 0, 0], 'each has one copy')
})

t.test('of a publish to several users each is named by user and room', async t => {
  const [first, second] = [randomUUID(), randomUUID()]
  const clients = await Promise.all([first, second].map(sub => connect(t, { url: node.wsUrl, token: memberToken(sub) })))
  const body: PublishBody = { users: [first, second], data: 'twice', key: 'k' }
  await allow(userRoom(second))
  const { status, body: error } = await narrow.publish(body)
  t.equal(status, 503)
  t.match(error['publications'], [
    { room: `$user:${first}`, user: first, code: 'unavailable' }, { room: `$user:${second}`, user: second, offset: 1, duplicate: false }
  ])
  await allow(userRoom(first), userRoom(second))
  t.match((await narrow.publish(body)).body, { publications: [{ user: first, duplicate: false }, { user: second, duplicate: true }] })
  t.same(await copies(clients, 'twice'), [1, 1])
})

t.test('in a batch the one that happened in part tells it, and those beside it stand', async t => {
  const { rooms: [a, b, c], everybody } = await rooms(t)
  await allow(b, c)
  const batch = JSON.stringify({
    publishes: [{ room: b, data: 'batch' }, { rooms: [a, b], data: 'batch', key: 'k' }, { room: a, data: 'batch' }, { room: c, data: 'batch' }]
  })
  const { status, body } = await narrow.post('/publish/batch', batch)
  t.equal(status, 200)
  t.match(body['results'], [
    { statusCode: 200, publications: [{ room: b, offset: 1 }] },
    { statusCode: 503, code: 'outcome_unknown', publications: [{ room: a, code: 'unavailable' }, { room: b, offset: 2 }] },
    { statusCode: 503, code: 'unavailable' },
    { statusCode: 200, publications: [{ room: c, offset: 1 }] }
  ])
  t.same(await copies(everybody, 'batch'), [0, 2, 1])
})

t.test('what happened in none of the rooms is unavailable, and says nothing of each', async t => {
  const { rooms: [a, b, c], everybody } = await rooms(t)
  await allow()
  for (const key of [undefined, 'k']) {
    for (const target of [{ rooms: [a, b, c] }, { room: a }]) {
      const { status, body, headers } = await narrow.publish({ ...target, data: 'never', ...key !== undefined && { key } })
      t.equal(status, 503)
      t.equal(headers.get('retry-after'), '1')
      t.equal(body['code'], 'unavailable')
      t.same(Object.keys(body).sort(), ['code', 'error', 'message', 'statusCode'])
    }
  }
  await allow(a, b, c)
  t.match((await narrow.publish({ rooms: [a, b, c], data: 'now', key: 'k' })).body, {
    publications: [a, b, c].map(room => ({ room, offset: 1, duplicate: false }))
  }, 'and what was refused has not happened since, nor taken the key')
  t.same(await copies(everybody, 'never'), [0, 0, 0])
})

t.test('where the key was used in one of the rooms for something else nothing happens, also where a part could not', async t => {
  const { rooms: [a, b, c], everybody } = await rooms(t)
  await node.publish({ room: b, data: 'else', key: 'k' })
  for (const allowed of [[a, b, c], [a, b], []]) {
    await allow(...allowed)
    const { status, body } = await narrow.publish({ rooms: [a, b, c], data: 'never', key: 'k' })
    t.equal(status, 422)
    t.equal(body['code'], 'key_reused')
    t.notOk('publications' in body)
  }
  t.same(await copies(everybody, 'never'), [0, 0, 0])
})

t.end()
