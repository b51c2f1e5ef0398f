import { randomUUID } from 'node:crypto'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const PASSWORD = 'never-tell-this-password'
const ALL = ['resetkeys', 'resetchannels', '~*', '&*', '+@all']

const cluster = await startCluster(t, { nodes: 1 })
const { redis } = cluster
const [node] = cluster.nodes
if (node === undefined) throw new Error('a node is missing')
const REDIS_URL = redis.url.replace('//', `//narrow:${PASSWORD}@`)

/** Gives the narrow user all rights, less or more than these. */
async function allow (...rules: readonly string[]): Promise<void> {
  await redis.command('ACL', 'SETUSER', 'narrow', 'on', `>${PASSWORD}`, ...ALL, ...rules)
}

await allow()
const narrow = await cluster.start({ REDIS_URL })

t.test('a start with a user that lacks rights ends within five seconds, and says what Redis said, without the password', async t => {
  const lacks: Array<[what: string, rules: string[], said: RegExp]> = [
    ['the keys', ['resetkeys', '~others:*'], /NOPERM .*keys/],
    ['the channels', ['resetchannels', '&others:*'], /NOPERM .*channels/],
    ['scripts', ['-evalsha', '-eval'], /NOPERM .*eval/],
    ['the clock', ['-time'], /NOPERM .*time/]
  ]
  for (const [what, rules, said] of lacks) {
    await redis.command('ACL', 'SETUSER', 'lacking', 'reset', 'on', `>${PASSWORD}`, ...ALL, ...rules)
    const log = await refusedStart(t, { REDIS_URL: REDIS_URL.replace('narrow', 'lacking'), LOG_LEVEL: 'info' })
    const [sentence = ''] = log.split('\n').filter(line => line.startsWith('Redis at '))
    t.match(sentence, `127.0.0.1:${redis.port}`, `${what}: host and port are named`)
    t.match(sentence, said, `${what}: so is what Redis said`)
    t.notMatch(log, PASSWORD)
  }
})

t.test('rights that are taken from a running node are answered 503, nothing is written, and given back they suffice', async t => {
  const room = randomUUID()
  const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  await alice.subscribe(room)
  for (const rules of [['resetkeys', '~others:*'], ['resetchannels', '&others:*'], ['-evalsha', '-eval'], ['-publish']]) {
    await allow(...rules)
    for (const volatile of [false, true]) {
      const { status, body, headers } = await narrow.publish({ room, data: 'refused', volatile })
      t.match({ status, body }, { status: 503, body: { code: 'unavailable' } }, rules.join(' '))
      t.equal(headers.get('retry-after'), '1')
    }
    t.equal((await narrow.get('/ready')).status, 503, `${rules.join(' ')}: it is not ready`)
    await allow('+publish', '+evalsha', '+eval')
    await until('ready', 200, async () => (await narrow.get('/ready')).status, 10_000)
  }
  t.equal((await narrow.publish({ room, data: 'now' })).status, 200)
  t.same((await node.history(room)).map(({ data, offset }) => [data, offset]), [['now', 1]], 'no offset was used up')
  const [frames = []] = await receivedBy(node, [alice])
  t.same(frames.flatMap(frame => frame.type === 'message' ? [frame.data] : []), ['now'])
})

t.test('a script that is stopped half-way leaves the outcome unknown, at once, and the same under its key completes it', async t => {
  const room = randomUUID()
  await allow('-set')
  const body = { room, data: 'half', key: 'k' }
  const start = performance.now()
  const first = await narrow.publish(body)
  t.match({ status: first.status, body: first.body }, { status: 503, body: { code: 'outcome_unknown' } })
  t.ok(performance.now() - start < 1_500, 'nothing is waited for: Redis has said that it is over')
  await allow()
  t.equal((await narrow.publish(body)).status, 200)
})

t.end()
