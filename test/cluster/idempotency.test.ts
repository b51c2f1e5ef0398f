import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const MEMORY_MS = 5 * 60 * 1_000
const AT_ONCE = 50

const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

function user (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

/** A room of the test's own, with bob in it on node 1 and carol on node 2. */
async function witnesses (t: Test): Promise<{ room: string, witnesses: TestClient[] }> {
  const room = randomUUID()
  const witnesses = [await user(t, node1, 'bob'), await user(t, node2, 'carol')]
  for (const witness of witnesses) await witness.subscribe(room)
  return { room, witnesses }
}

/** The data of what each received. */
async function dataOf (clients: readonly TestClient[]): Promise<unknown[][]> {
  return (await receivedBy(node1, clients)).map(frames => frames.map(frame => frame.type === 'message' ? frame.data : frame))
}

t.test('the same again under the same key over another node gives the first positions, and reaches nobody again', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const other = randomUUID()
  for (const target of [{ room }, { rooms: [room, other] }, { user: 'bob' }, { users: ['carol', 'bob'] }, { everyone: true }] as const) {
    const body = { ...target, data: target, key: JSON.stringify(target) }
    const first = await node1.publish(body)
    t.equal(first.status, 200)
    const publications = first.body['publications'] as object[]
    t.ok(publications.every(publication => 'duplicate' in publication && publication.duplicate === false))
    t.same((await node2.publish(body)).body, { publications: publications.map(one => ({ ...one, duplicate: true })) })
  }
  t.same((await dataOf(everybody)).map(data => data.map(one => Object.keys(one as object)[0])), [
    ['room', 'rooms', 'user', 'users', 'everyone'], ['room', 'rooms', 'users', 'everyone']
  ])
})

t.test('something else under the same key is refused by another node, and none of its rooms gets anything', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const other = randomUUID()
  for (const witness of everybody) await witness.subscribe(other)
  await node1.publish({ room, data: 'first', key: 'k' })
  for (const target of [{ room }, { rooms: [room, other] }, { rooms: [other, room] }]) {
    const { status, body } = await node2.publish({ ...target, data: 'second', key: 'k' })
    t.equal(status, 422)
    t.same(Object.keys(body).sort(), ['code', 'error', 'message', 'statusCode'])
    t.equal(body['code'], 'key_reused')
  }
  t.same(await dataOf(everybody), [['first'], ['first']])
  const { body } = await node2.publish({ room: other, data: 'second', key: 'k' })
  t.match(body, { publications: [{ offset: 1, duplicate: false }] }, 'the refusals have not taken the key in the other room')
})

t.test('the same again with one more room publishes to that one', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const other = randomUUID()
  for (const witness of everybody) await witness.subscribe(other)
  await node1.publish({ room, data: 'first', key: 'k' })
  const { body } = await node2.publish({ rooms: [room, other], data: 'first', key: 'k' })
  t.match(body, { publications: [{ room, offset: 1, duplicate: true }, { room: other, offset: 1, duplicate: false }] })
  t.same(await dataOf(everybody), [['first', 'first'], ['first', 'first']])
})

t.test('fifty of the same at once over both nodes are one publication', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) =>
    (index % 2 === 0 ? node1 : node2).publish({ room, data: 'once', key: 'k' })))
  t.same(answers.filter(({ status }) => status !== 200), [])
  const publications = answers.flatMap(({ body }) => body['publications'] as Array<{ offset: number, epoch: string, duplicate: boolean }>)
  t.equal(publications.length, AT_ONCE)
  t.equal(publications.filter(({ duplicate }) => !duplicate).length, 1)
  t.equal(new Set(publications.map(({ epoch, offset }) => `${epoch} ${offset}`)).size, 1)
  t.same(await dataOf(everybody), [['once'], ['once']])
})

t.test('fifty that differ at once under one key are one publication, and the others are refused', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, data) => (data % 2 === 0 ? node1 : node2).publish({ room, data, key: 'k' })))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status, body }) => status === 422 && body['code'] === 'key_reused').length, AT_ONCE - 1)
  const winner = answers.findIndex(({ status }) => status === 200)
  t.same(await dataOf(everybody), [[winner], [winner]])
})

t.test('a user\'s key is the same over any of its connections, on any node', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const [first, second, third] = [await user(t, node1, 'alice'), await user(t, node2, 'alice'), await user(t, node1, 'alice')]
  const published = await first.publish(room, 'once', { key: 'k' })
  t.notOk('duplicate' in published, 'the first answer says nothing of a duplicate')
  const { epoch, offset } = published
  for (const connection of [second, third, first]) {
    t.match(await connection.publish(room, 'once', { key: 'k' }), { type: 'published', room, epoch, offset, duplicate: true })
  }
  for (const [data, options] of [['twice', {}], ['once', { echo: false }], ['once', { volatile: true }]] as const) {
    await t.rejects(second.publish(room, data, { key: 'k', ...options }), { code: 'key_reused' })
  }
  t.match(await second.publish(room, 'the connection lives on', { key: 'k-2' }), { offset: 2 })
  const received = await receivedBy(node1, everybody)
  for (const frames of received) {
    t.match(frames, [{ data: 'once', from: { connectionId: first.connectionId } }, { data: 'the connection lives on' }])
    t.equal(frames.length, 2)
  }
})

t.test('keys of different users never meet', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  for (const [sub, node] of [['alice', node1], ['dave', node2], ['Alice', node1], ['key:tests', node2], ['host', node1]] as const) {
    t.notMatch(await (await user(t, node, sub)).publish(room, sub, { key: 'k' }), { duplicate: true }, sub)
  }
  const wanted = ['alice', 'dave', 'Alice', 'key:tests', 'host']
  t.same(await dataOf(everybody), [wanted, wanted])
})

t.test('a frame without an id is published once too', async t => {
  const { room, witnesses: everybody } = await witnesses(t)
  const alice = await user(t, node1, 'alice')
  for (let count = 0; count < 3; count++) alice.send(JSON.stringify({ type: 'publish', room, data: 'once', key: 'k' }))
  await alice.ping()
  t.same(alice.inbox.drain(), [], 'nobody answers it')
  t.same(await dataOf(everybody), [['once'], ['once']])
})

t.test('a key is remembered for five minutes, in the slot of its room; without one nothing is', async t => {
  const room = `{${randomUUID()}}`
  for (const volatile of [false, true]) {
    await node1.publish({ room, data: 1, volatile })
    t.same(await cluster.keysIn(`${room}}:key:`), [], 'without a key')
    await node1.publish({ room, data: 1, volatile, key: `volatile: ${volatile}` })
    const [name = '', ...more] = await cluster.keysIn(`${room}}:key:`)
    t.same(more, [])
    const leftMs = Number(await cluster.redis.command('PTTL', name))
    t.ok(leftMs > MEMORY_MS - 60_000 && leftMs <= MEMORY_MS, `${leftMs} ms are left`)
    t.match(name, `:{r:${room}}:`)
    await cluster.redis.command('DEL', name)
    t.match((await node2.publish({ room, data: 1, volatile, key: `volatile: ${volatile}` })).body, { publications: [{ duplicate: false }] })
    await cluster.redis.command('DEL', name)
  }
})

t.end()
