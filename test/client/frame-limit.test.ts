import t from 'tap'
import { closeCodes } from '../../src/core/close-codes.ts'
import { reconnect } from '../../client/reconnect.ts'
import { Inbox } from '../helpers/inbox.ts'
import { startServer } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { connectClient, nextState } from './library-client.ts'

const BURST = 20
const server = await startServer(t, { env: { FRAME_BURST: String(BURST), MAX_FRAMES_PER_SECOND: '20' } })

async function roomsOfApplications (): Promise<string[]> {
  return (await server.rooms()).filter(room => !room.startsWith('$'))
}

t.test('a client that subscribes to more rooms than it may at once has them all in the end, and leaves them all', async t => {
  const client = await connectClient(t, server.wsUrl)
  const rooms = Array.from({ length: BURST * 3 / 2 }, (_, index) => client.room(`room-${index}`))
  const positions = await Promise.all(rooms.map(room => room.subscribe()))
  t.equal(positions.length, rooms.length)
  t.equal((await roomsOfApplications()).length, rooms.length)
  // No more at a time than may be refused: how much of its budget the client has got back by now is a matter of the machine.
  while (rooms.length > 0) {
    for (const room of rooms.splice(-BURST / 2)) room.unsubscribe()
    await until('rooms', rooms.length, async () => (await roomsOfApplications()).length, 10_000)
  }
  t.equal(client.state, 'open')
})

t.test('a room that is wanted again before its unsubscribe was taken stays subscribed', async t => {
  const client = await connectClient(t, server.wsUrl)
  const [room, other] = [client.room<number>('wanted'), client.room('other')]
  const received = new Inbox<number>()
  room.on('message', ({ data }) => { received.push(data) })
  await room.subscribe()
  await other.subscribe()
  await Promise.allSettled(Array.from({ length: BURST }, () => other.publish(0)))
  room.unsubscribe()
  await room.subscribe()
  await until('room', true, async () => (await server.occupancy('wanted')).connections === 1)
  await server.publish({ room: 'wanted', data: 1 })
  t.equal(await received.next('the publication'), 1)
})

t.test('a publish over the budget is rejected with the time after which to try again', async t => {
  const client = await connectClient(t, server.wsUrl)
  const results = await Promise.allSettled(Array.from({ length: BURST * 3 / 2 }, (_, index) => client.room('full').publish(index)))
  const refused = results.flatMap(result => result.status === 'rejected' ? [result.reason as object] : [])
  t.ok(refused.length > 0 && refused.length < BURST)
  for (const error of refused) t.match(error, { code: 'rate_limited', retryAfterMs: Number })
})

t.test('a client that floods is closed, backs off and comes back', async t => {
  const client = await connectClient(t, server.wsUrl, { publishTimeoutMs: 2_000 })
  const waiting = nextState(client, 'waiting')
  const publishes = Promise.allSettled(Array.from({ length: 3 * BURST }, (_, index) => client.room('flooded').publish(index)))
  await waiting
  await nextState(client, 'open')
  await publishes
  t.equal(reconnect(closeCodes.flooding.code), closeCodes.flooding.reconnect)
})

t.end()
