import t from 'tap'
import { createCertificates } from '../helpers/certificates.ts'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { freePort } from '../helpers/free-port.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { memberToken } from '../helpers/token.ts'

const PASSWORD = 'never-tell-this-password'

const { caFile, certFile, keyFile } = await createCertificates(t)
const redis = await startRedis(t)
const port = await freePort()
await redis.command('CONFIG', 'SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile, 'tls-ca-cert-file', caFile, 'tls-auth-clients', 'no', 'tls-port', `${port}`)
const REDIS_URL = `rediss://default:${PASSWORD}@127.0.0.1:${port}`
// The helper's own connection is authenticated already.
await redis.command('CONFIG', 'SET', 'requirepass', PASSWORD)

t.test('P46: both connections of a node reach a Redis by TLS for which a private authority vouches', async t => {
  const cluster = await startCluster(t, { redis, env: { REDIS_URL, REDIS_CA_FILE: caFile } })
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  await node2.publish({ room: 'lobby', data: 'sealed' })
  t.match(await receivedBy(node2, [alice]), [[{ type: 'message', data: 'sealed' }]])
  t.equal((await node2.presence('alice')).online, true)
  const links = String(await redis.command('CLIENT', 'LIST')).split('\n').filter(line => line.includes('name=roomcast-'))
  t.same(links.map(line => /name=\S+/.exec(line)?.[0]).sort(), ['name=roomcast-publisher', 'name=roomcast-publisher', 'name=roomcast-subscriber', 'name=roomcast-subscriber'])
  t.same(links.filter(line => !line.includes(` laddr=127.0.0.1:${port} `)), [], 'and none of them without')
})

/** How a start ends that must not trust this Redis. */
async function isRefused (t: Parameters<typeof refusedStart>[0], env: Record<string, string>, why: RegExp): Promise<void> {
  const log = await refusedStart(t, env)
  t.match(log, new RegExp(`Redis at (127\\.0\\.0\\.1|localhost):${port} was not ready within 2000 ms: .*`), 'host and port are named')
  t.match(log, why, 'and what is wrong')
  t.notMatch(log, PASSWORD)
}

t.test('P46: with another authority the start fails, and says that the certificate is the reason', async t => {
  const { caFile: another } = await createCertificates(t)
  await isRefused(t, { REDIS_URL, REDIS_CA_FILE: another }, /certificate/)
})

t.test('P46: without the authority, and under a name that the certificate does not hold, the start fails too', async t => {
  await isRefused(t, { REDIS_URL }, /certificate/)
  await isRefused(t, { REDIS_URL: REDIS_URL.replace('127.0.0.1', 'localhost'), REDIS_CA_FILE: caFile }, /altnames/)
})

t.end()
