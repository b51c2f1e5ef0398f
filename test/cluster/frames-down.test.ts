import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const REFUSED = /^(unavailable|outcome_unknown)$/
const RETURN_MS = 10_000

t.test('P13: while Redis is down frames are answered with errors, connections close, and the process lives', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  const [node] = cluster.nodes
  if (node === undefined) return
  const { pid } = node
  const [closing, cut, staying] = await Promise.all(['alice', 'bob', 'carol'].map(user => connect(t, { url: node.wsUrl, token: memberToken(user) })))
  if (closing === undefined || cut === undefined || staying === undefined) return
  const clients = [closing, cut, staying]
  for (const client of clients) await client.subscribe('lobby')

  await cluster.redis.kill()
  for (const client of clients) {
    await t.rejects(client.subscribe('attic'), { code: REFUSED })
    await t.rejects(client.publish('lobby', 'lost'), { code: REFUSED })
    await t.rejects(client.history('lobby'), { code: REFUSED })
    await t.rejects(client.presence('lobby'), { code: REFUSED })
    t.match(await client.unsubscribe('lobby'), { type: 'unsubscribed', room: 'lobby' }, 'leaving needs no Redis')
  }
  t.equal((await closing.close()).code, 1000)
  await cut.reset()
  t.match(await staying.ping(), { type: 'pong' })
  t.equal(node.isRunning && node.pid, pid, 'it is the same process')

  await cluster.redis.restart({ empty: true })
  await until('the node is ready again', 200, async () => (await node.get('/ready')).status, RETURN_MS)
  await until('those who are gone', [false, false, true], async () => {
    return Promise.all(['alice', 'bob', 'carol'].map(async user => (await node.presence(user)).online))
  }, RETURN_MS)
  t.same((await cluster.keysIn('alice')).filter(key => !key.endsWith(':seen') && !key.includes('$user:')), [], 'nothing of them came back')
  t.notMatch(node.logs.join('\n'), /"level":(50|60)/, 'what failed is no bug')
})
