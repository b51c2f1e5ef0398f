import t from 'tap'
import { Gatekeeper } from '../../src/core/gatekeeper.ts'
import { startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

t.test('a publication reaches everybody in the room, its publisher included, with its sender and data', async t => {
  const { connect } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  for (const peer of [alice, bob]) await peer.ask({ type: 'subscribe', room: 'lobby' })
  const data = { text: 'é\u2028👩', list: [1, null] }
  alice.send({ type: 'publish', room: 'lobby', data })
  const { connectionId } = alice.connection
  for (const peer of [alice, bob]) {
    const [message, ...more] = await peer.rest()
    t.match(message, { type: 'message', room: 'lobby', offset: 1, from: { userId: 'alice', connectionId }, at: Number })
    t.strictSame(message?.['data'], data)
    t.same(more, [])
  }
})

t.test('a publish is answered if it has an id, with the position that it got', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1 }), { type: 'published', room: 'lobby', epoch: /./, offset: 1 })
  alice.send({ type: 'publish', room: 'lobby', data: 2 })
  t.same(await alice.rest(), [])
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 3 }), { type: 'published', offset: 3 })
})

t.test('with echo:false the publisher gets no copy, and its other connections do', async t => {
  const { connect } = await startMemoryNode(t)
  const [alice, second, bob] = [await connect('alice'), await connect('alice'), await connect('bob')]
  for (const peer of [alice, second, bob]) await peer.ask({ type: 'subscribe', room: 'lobby' })
  await alice.ask({ type: 'publish', room: 'lobby', data: 'quiet', echo: false })
  alice.send({ type: 'publish', room: 'lobby', data: 'loud' })
  t.match(await alice.rest(), [{ offset: 2, data: 'loud' }])
  for (const peer of [second, bob]) t.match(await peer.rest(), [{ offset: 1, data: 'quiet' }, { offset: 2, data: 'loud' }])
})

t.test('one may publish to a room without being subscribed to it', async t => {
  const { connect } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await bob.ask({ type: 'subscribe', room: 'lobby' })
  await alice.ask({ type: 'publish', room: 'lobby', data: 1 })
  t.equal((await bob.rest()).length, 1)
  t.same(await alice.rest(), [])
})

t.test('the publications of one connection arrive in the order in which it sent them', async t => {
  const { connect } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await bob.ask({ type: 'subscribe', room: 'lobby' })
  const numbers = Array.from({ length: 200 }, (_, index) => index)
  alice.send(...numbers.map(data => ({ type: 'publish', room: 'lobby', data })))
  await alice.rest()
  t.same((await bob.rest()).map(({ data }) => data), numbers)
})

t.test('what one turn of the event loop brings leaves in one write', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  const before = alice.transport.writes.length
  await Promise.all([1, 2, 3].map(data => realtime.publish({ room: 'lobby' }, data)))
  await alice.rest()
  const writes = alice.transport.writes.slice(before).map(frames => frames.map(({ type }) => type))
  t.same(writes.filter(types => types.includes('message')), [['message', 'message', 'message']])
})

t.test('a publish that the broker refused is answered with its code, and the connection lives on', async t => {
  const broker = new ScriptedBroker()
  const { connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  broker.failNext('publish')
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1 }), {
    type: 'error', room: 'lobby', code: 'unavailable', message: /./, retryAfterMs: 1_000
  })
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1 }), { type: 'published', offset: 1 })
})

t.test('data that is nested too deeply is refused, and the connection lives on', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  const data = JSON.parse('['.repeat(101) + ']'.repeat(101)) as unknown
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data }), { type: 'error', code: 'payload_invalid' })
  t.match(await alice.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('a connection that the backend leaves out gets no copy', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await realtime.publish({ everyone: true }, 1, { except: alice.connection.connectionId })
  t.same(await alice.rest(), [])
  t.equal((await bob.rest()).length, 1)
})

t.test('what the host refuses is not published, and a host that throws refuses', async t => {
  const seen: unknown[] = []
  const gatekeeper = new Gatekeeper({
    onPublish: async publication => {
      seen.push(publication)
      if (publication.data === 'throw') throw new Error('a bug of the host')
      return publication.data === 'fine' ? 'accept' : 'refuse'
    }
  })
  const { connect } = await startMemoryNode(t, { gatekeeper })
  const alice = await connect('alice')
  for (const data of ['bad', 'throw']) {
    t.match(await alice.ask({ type: 'publish', room: 'lobby', data }), { type: 'error', code: 'publication_refused' })
  }
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 'fine' }), { type: 'published', offset: 1 })
  t.match(seen[0], { room: 'lobby', data: 'bad', from: { userId: 'alice' } })
})

t.test('the host decides instead of the token where it gave a function, and a host that throws refuses', async t => {
  const gatekeeper = new Gatekeeper({
    authorize: ({ action, room }) => {
      if (room === 'throw') throw new Error('a bug of the host')
      return action === 'subscribe' && room === 'lobby'
    }
  })
  const { connect } = await startMemoryNode(t, { gatekeeper })
  const alice = await connect('alice', { can: { subscribe: ['*'], publish: ['*'] } })
  const nobody = await connect('bob', { can: {} })
  t.match(await nobody.ask({ type: 'subscribe', room: 'lobby' }), { type: 'subscribed' })
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1 }), { code: 'room_forbidden' })
  t.match(await alice.ask({ type: 'subscribe', room: 'throw' }), { code: 'room_forbidden' })
})

t.test('a publish to several rooms of which the host refuses one happens in none', async t => {
  const gatekeeper = new Gatekeeper({ onPublish: ({ room }) => room === 'attic' ? 'refuse' : 'accept' })
  const { realtime, connect } = await startMemoryNode(t, { gatekeeper })
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  await t.rejects(realtime.publish({ rooms: ['lobby', 'attic'] }, 'x'), { code: 'publication_refused' })
  t.same(await alice.rest(), [])
})

t.test('a publish to several rooms that failed in some never says that it did not happen', async t => {
  const broker = new ScriptedBroker()
  const { realtime } = await startMemoryNode(t, { broker })
  broker.failNext('publish')
  await t.rejects(realtime.publish({ rooms: ['lobby', 'attic'] }, 'x'), { code: 'outcome_unknown' })
  broker.failNext('publish')
  broker.failNext('publish')
  await t.rejects(realtime.publish({ rooms: ['lobby', 'attic'] }, 'x'), { code: 'unavailable' })
})
