import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const RECONNECTS = 200
const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

function join (t: Pick<Test, 'after'>, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub, { info: { of: sub } }) })
}

/** One who comes into a room and goes, on some node. */
class Passer {
  readonly client: TestClient
  readonly #room: string
  #isIn = false

  constructor (client: TestClient, room: string) {
    this.client = client
    this.#room = room
  }

  async move (): Promise<void> {
    this.#isIn = !this.#isIn
    await (this.#isIn ? this.client.subscribe(this.#room) : this.client.unsubscribe(this.#room))
  }
}

async function passersBy (t: Test, count: number, room: string): Promise<Passer[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) =>
    new Passer(await join(t, index % 2 === 0 ? node1 : node2, `passer-${index}`), room)))
}

t.test(`a watcher who reconnects ${RECONNECTS} times while others join and leave has the server's list each time, by version`, async t => {
  const passers = await passersBy(t, 8, 'square')
  let repairs = 0
  for (let count = 0; count < RECONNECTS; count++) {
    const letGo: Array<() => unknown> = []
    const scope = { after: (fn: () => unknown) => { letGo.push(fn) } } as Pick<Test, 'after'>
    const moving = passers.map((passer, index) => (index + count) % 3 === 0 ? passer.move() : undefined)
    const client = await join(scope, count % 4 < 2 ? node1 : node2, 'watcher')
    const answer = watch(client, 'square')
    const more = passers.map((passer, index) => (index + count) % 3 !== 0 ? passer.move().then(() => passer.move()) : undefined)
    const list = await answer
    await Promise.all([...moving, ...more])
    await equalsServer(list, count % 2 === 0 ? node1 : node2)
    if (list.faults.length > 0) t.fail(`round ${count}: ${list.faults.join(', ')}`)
    repairs += list.repairs
    await (count % 2 === 0 ? client.close() : client.reset())
    for (const fn of letGo) fn()
  }
  t.equal(repairs, 0, 'no event was lost on the way, so no list was replaced')
})

t.test('those who watch all the time are told each of thousands of joins and leaves once, in the order of their versions', async t => {
  const lists: MemberList[] = []
  for (const node of cluster.nodes) {
    for (const number of [1, 2]) lists.push(await watch(await join(t, node, `watcher-${node.name}-${number}`), 'market'))
  }
  await settle(node1, lists)
  const before = lists[0]?.state.version ?? 0
  const passers = await passersBy(t, 20, 'market')
  for (let round = 0; round < 50; round++) await Promise.all(passers.map(passer => passer.move()))
  for (const list of lists) await equalsServer(list, node2)
  await settle(node1, lists)
  for (const list of lists) {
    t.same(list.faults, [])
    t.equal(list.repairs, 0)
    t.equal(list.state.version, before + 1_000)
    t.same(list.events.filter(event => event.includes('passer')).length, 1_000)
    t.same(list.state.members[0]?.info, { of: list.userIds[0] }, 'with what their tokens show')
  }
})

t.test('who did not ask for presence, or has unsubscribed, is told of nobody', async t => {
  const plain = await join(t, node1, 'plain')
  await plain.subscribe('alley')
  const former = await join(t, node1, 'former')
  await former.subscribe('alley', { presence: true })
  const list = await watch(await join(t, node1, 'watcher'), 'alley')
  await former.unsubscribe('alley')
  former.inbox.drain()
  const passer = new Passer(await join(t, node2, 'passer'), 'alley')
  await passer.move()
  await passer.move()
  await equalsServer(list, node2)
  t.same(await receivedBy(node2, [plain, former]), [[], []])
  t.same(list.events, ['leave former', 'join passer', 'leave passer'])
})

t.test('asking for presence later, and again, answers the list and goes on from it', async t => {
  const client = await join(t, node1, 'watcher')
  await client.subscribe('bridge')
  const passers = await passersBy(t, 4, 'bridge')
  await Promise.all(passers.map(passer => passer.move()))
  for (let count = 0; count < 20; count++) {
    const moving = passers.map(passer => passer.move())
    const list = await watch(client, 'bridge')
    await Promise.all(moving)
    // What came before the answer is below its version, and dropped.
    await equalsServer(list, node2)
    const { members, version } = await client.presence('bridge')
    t.same({ userIds: members.map(({ userId }) => userId).sort(), version }, { userIds: list.userIds, version: list.state.version })
  }
})

t.end()
