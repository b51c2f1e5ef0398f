import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { createCertificates } from '../helpers/certificates.ts'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { survives } from '../helpers/fail-over.ts'
import type { RedisServer } from '../helpers/redis-server.ts'
import { startSentinelSet } from '../helpers/sentinel-set.ts'
import { launchServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const SECRET = 'never-tell'
const STRANGE = '@:/?#%&+ é'
const passwordOf = (whose: string): string => `${SECRET}-${whose}${STRANGE}`

const certificates = await createCertificates(t)
const passwords = { standard: passwordOf('standard'), node: passwordOf('node'), replica: passwordOf('replica') }
const sentinels = { standard: passwordOf('sentinels'), node: passwordOf('asking') }
const set = await startSentinelSet(t, { security: { certificates, redis: passwords, sentinels } })
const { REDIS_SENTINEL_USER: _, ...withoutUser } = set.env

/** By which port and as whom nodes are connected to a Redis; whose Sentinels cut the connections, the helper's too, when they promote it. */
async function linksTo (t: Pick<Test, 'after'>, redis: RedisServer): Promise<string[]> {
  const client = new Redis({ host: '127.0.0.1', port: redis.port, password: passwords.standard })
  t.after(() => { client.disconnect() })
  const links = String(await client.client('LIST')).split('\n').filter(line => line.includes('name=roomcast-'))
  return links.map(line => `${/ laddr=\S+/.exec(line)?.[0]}${/ user=\S+/.exec(line)?.[0]}`)
}

t.test('with passwords of all characters, TLS by a private authority and IPv6, both connections of each node follow when the master is killed', async t => {
  await survives(t, { redis: set.master, env: set.env, act: () => set.master.kill(), isOver: () => set.isMaster(set.replica), isSeen: true })
  const link = ` laddr=[::1]:${set.portOf(set.replica)} user=node`
  t.same(await linksTo(t, set.replica), [link, link, link, link], 'all of them by TLS, and as who they are')
})

t.test('the passwords alone, of the default users of Redis and of the Sentinels, do as well', async t => {
  const env = { ...withoutUser, REDIS_URL: set.url('', passwords.standard), REDIS_SENTINEL_PASSWORD: sentinels.standard, LOG_LEVEL: 'trace' }
  const cluster = await startCluster(t, { redis: set.replica, nodes: 1, env })
  const [node] = cluster.nodes
  if (node === undefined) throw new Error('a node is missing')
  const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  await node.publish({ room: 'lobby', data: 'sealed' })
  t.match(await receivedBy(node, [alice]), [[{ type: 'message', data: 'sealed' }]])
  t.notMatch(node.logs.join('\n'), SECRET)
})

t.test('a wrong password and a wrong authority end the start, each is named, and no password is told', async t => {
  const { caFile: another } = await createCertificates(t)
  const refused: Array<[what: string, env: Record<string, string>, why: RegExp]> = [
    ['the password of the Sentinels', { REDIS_SENTINEL_PASSWORD: `${SECRET}-wrong${STRANGE}` }, /failed to connect to sentinel .* because WRONGPASS/],
    ['the password of Redis', { REDIS_URL: set.url('node', `${SECRET}-wrong${STRANGE}`) }, /ms: WRONGPASS/],
    ['the authority', { REDIS_CA_FILE: another }, /failed to connect to sentinel .* because .*certificate/]
  ]
  // All at once, which saves time; how soon a start without its Sentinels ends is measured where there are none.
  await Promise.all(refused.map(async ([what, env, why]) => {
    const server = await launchServer(t, { name: 'lonely', env: { ...set.env, LOG_LEVEL: 'trace', ...env } })
    t.not((await server.exit()).code, 0)
    const log = server.logs.join('\n')
    const [sentence = ''] = log.split('\n').filter(line => line.startsWith('Redis at '))
    t.match(sentence, `Redis at ${set.name} of the Sentinels [::1]:`, `${what}: it says whom it asked`)
    t.match(sentence, 'was not ready within 2000 ms', `${what}: and how long it tried`)
    t.match(sentence, why, `${what}: and what is wrong`)
    t.notMatch(log, SECRET)
    t.notMatch(log, '[ioredis]', 'nothing is written past the log')
  }))
})

t.end()
