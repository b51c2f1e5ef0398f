import t from 'tap'
import type { RoomHandle } from '../../client/index.ts'
import { connectSoon } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import type { Outcome } from '../helpers/outcomes.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { gapsIn, Ledger, messagesIn, type Told } from './ledger.ts'
import { connectClient, nextState } from './library-client.ts'
import { Publishing } from './publishing.ts'
import { portOf, startProxy } from './tcp-proxy.ts'

const RESTARTS = 3
const RETURN_MS = 15_000
const env = { ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: 100_000 } }]) }

const isPublished = ({ position }: Outcome): boolean => position !== undefined
const isRefused = ({ code }: Outcome): boolean => code === 'unavailable'

t.test('Redis is killed and comes back empty in mid-run, three times: everyone is told, nobody hangs, and what follows is whole', async t => {
  const cluster = await startCluster(t, { env })
  const [north, south] = cluster.pair()
  const ledger = new Ledger()
  const rooms: RoomHandle[] = []
  const stories: Told[][] = []
  const states: string[] = []
  const enter = async (url: string) => {
    const client = await connectClient(t, url)
    const room = client.room('lobby')
    await room.subscribe()
    stories.push(ledger.follow(room))
    return { client, room }
  }
  for (const { wsUrl } of [north, south, north, south]) {
    const { client, room } = await enter(wsUrl)
    client.on('state', state => { states.push(state) })
    rooms.push(room)
  }
  const connected = [...stories]
  // One that is away whenever Redis is, and comes back to the other node.
  const way = await startProxy(t, north.url)
  const traveller = await enter(way.wsUrl)

  const publishing = new Publishing('lobby', [north, south], rooms.slice(0, 2))
  const epochs: string[] = []
  for (let restart = 0; restart <= RESTARTS; restart++) {
    await publishing.more('published', 10, isPublished)
    const { epoch } = publishing.published().at(-1) ?? { epoch: '' }
    epochs.push(epoch)
    await publishing.more('published under the present epoch', 10, ({ position }) => position?.epoch === epoch)
    if (restart === RESTARTS) break
    const away = nextState(traveller.client, 'waiting')
    way.cut()
    await away
    await cluster.redis.kill()
    await publishing.more('refused', 3, isRefused)
    await cluster.redis.restart({ empty: true })
    await publishing.more('published again', 3, isPublished)
    for (const told of connected) await until('a gap', restart + 1, () => gapsIn(told).length, RETURN_MS)
    const since = traveller.room.position
    const asker = await connectSoon(t, { url: south.wsUrl, token: memberToken('asker') })
    t.match(await asker.subscribe('lobby', since && { since }), { recovered: false, publications: [] }, `restart ${restart + 1}`)
    const back = nextState(traveller.client, 'open')
    way.heal(portOf(restart % 2 === 0 ? south.url : north.url))
    await back
  }
  await publishing.end()
  const end = await rooms[0]?.publish('the end')
  for (const told of stories) await until('the last message', 'the end', () => messagesIn(told).at(-1), RETURN_MS)

  t.equal(new Set(epochs).size, RESTARTS + 1, 'each restart began a new epoch')
  t.same(publishing.published().filter(({ epoch }) => !epochs.includes(epoch)), [], 'and nothing was published under any other')
  const held = await south.history('lobby')
  t.same(held.map(({ offset }) => offset), Array.from({ length: end?.offset ?? 0 }, (_, index) => index + 1), 'the last epoch is whole in the history')
  for (const { data, ...position } of [...publishing.published(), ...held]) ledger.note(position, data)

  for (const told of stories) {
    const gaps = gapsIn(told)
    t.same(gaps.map(({ epoch }) => epoch), epochs.slice(1), 'each restart was told, once')
    t.same(messagesIn(told, 'since the last gap'), held.slice(gaps.at(-1)?.offset).map(({ data }) => data), 'then all that followed, in order')
    const all = messagesIn(told)
    t.equal(new Set(all).size, all.length, 'and nothing twice')
  }
  for (const told of connected) t.same(gapsIn(told).map(({ offset }) => offset), epochs.slice(1).map(() => 0), 'who was connected got each new epoch from its beginning')
  t.same(ledger.faults, [], 'nothing was left out, and no position meant two things')
  t.same(states, [], 'who was connected stayed so')
  const refused = new Set<unknown>(publishing.refused('unavailable'))
  t.same([...stories.flatMap(told => messagesIn(told)), ...held.map(({ data }) => data)].filter(data => refused.has(data)), [], 'and nothing refused was told')
  t.equal(publishing.published().length + refused.size + publishing.refused('outcome_unknown').length, publishing.outcomes.length, 'no other refusals')
  t.comment(`${publishing.published().length} published, ${refused.size} refused; gaps up to ${stories.map(told => gapsIn(told).map(({ offset }) => offset).join('/')).join(' ')}`)
})
