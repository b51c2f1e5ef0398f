import t from 'tap'
import { connect } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { API_KEY, withKey, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { read } from '../docs/markdown.ts'

const HEARTBEAT_MS = 200
const LEASE_MS = 1_500
const [READER_KEY, OTHER_KEY] = ['a-key-that-may-only-read-nodes-0123456789', 'a-key-that-may-only-publish-0123456789abcdef']
const env = {
  HEARTBEAT_MS: `${HEARTBEAT_MS}`,
  LEASE_MS: `${LEASE_MS}`,
  SHUTDOWN_GRACE_MS: '60000',
  API_KEYS: `tests:${API_KEY},reader:${READER_KEY}:nodes:read,other:${OTHER_KEY}:publish+presence:read`
}
/** A node is listed until its lease ends; the rest is for a busy machine. */
const GONE_MS = LEASE_MS + 2_000
const { version } = JSON.parse(read('package.json')) as { version: string }

const before = Date.now()
const cluster = await startCluster(t, { nodes: 3, env })
const [node1, node2] = cluster.pair()

async function counted (node: ServerProcess): Promise<unknown[]> {
  return (await node.nodes()).map(({ nodeName, connections, rooms }) => [nodeName, connections, rooms])
}

t.test('every node lists every live one, with what it is and how much it has', async t => {
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  const bob = await connect(t, { url: node2.wsUrl, token: memberToken('bob') })
  for (const room of ['lobby', 'attic']) await alice.subscribe(room)
  await bob.subscribe('lobby')
  const wanted = [['node-1', 1, 2], ['node-2', 1, 1], ['node-3', 0, 0]]
  for (const node of [node1, node2]) await until(`the counts, told by ${node.name}`, wanted, () => counted(node))

  const nodes = await node2.nodes()
  t.same(nodes.slice(0, 2).map(({ nodeId }) => nodeId), await Promise.all([alice, bob].map(client => nodeIdOf(node1, client))))
  for (const node of nodes) {
    t.same(Object.keys(node).sort(), ['connections', 'leaseEndsAt', 'nodeId', 'nodeName', 'rooms', 'startedAt', 'version'])
    t.equal(node.version, version)
    t.ok(node.startedAt >= before && node.startedAt <= Date.now())
    t.ok(node.leaseEndsAt > Date.now() && node.leaseEndsAt <= Date.now() + LEASE_MS)
  }
  await alice.close()
  await until('the counts without alice', [['node-1', 0, 0], ['node-2', 1, 1], ['node-3', 0, 0]], () => counted(node2))
})

t.test('only who has the scope nodes:read may ask', async t => {
  const answers = {
    200: [withKey(READER_KEY), withKey(token({ scope: 'nodes:read' }))],
    401: [{}, withKey('x')],
    403: [withKey(OTHER_KEY), withKey(memberToken('alice'))]
  }
  for (const [status, credentials] of Object.entries(answers)) {
    for (const headers of credentials) t.equal((await node1.get('/nodes', headers)).status, Number(status))
  }
})

t.test('a node that was killed is listed no longer than its lease lasts, one that was told to end no longer than its process', async () => {
  const names = async (): Promise<string[]> => (await node2.nodes()).map(({ nodeName }) => nodeName)
  await cluster.kill(node1)
  for (const node of cluster.nodes.slice(2)) await cluster.terminate(node)
  await until('the nodes without both', ['node-2'], names, GONE_MS)
})

t.test('a node that lost its lease is listed once, under its new id, with the start of its process', async t => {
  const [old] = await node2.nodes()
  await cluster.redis.restart({ empty: true })
  await until('one node', 1, async () => {
    const { status, body } = await node2.get('/nodes')
    return status === 200 ? (body['nodes'] as unknown[]).length : 0
  }, 10_000)
  const [fresh] = await node2.nodes()
  t.match(fresh, { nodeName: 'node-2', startedAt: old?.startedAt })
  t.not(fresh?.nodeId, old?.nodeId)
})

t.test('where Redis cannot be asked the answer is 503', async t => {
  await cluster.redis.kill()
  t.match(await node2.get('/nodes'), { status: 503, body: { code: 'unavailable' } })
})

t.end()
