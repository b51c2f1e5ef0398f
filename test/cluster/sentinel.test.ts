import t from 'tap'
import { survives } from '../helpers/fail-over.ts'
import { freePort } from '../helpers/free-port.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { startSentinelSet } from '../helpers/sentinel-set.ts'

const PASSWORD = 'never-tell-this-password'

t.test('when the master is killed under load, both connections of each node follow to the new one', async t => {
  const set = await startSentinelSet(t)
  await survives(t, { redis: set.master, env: set.env, act: () => set.master.kill(), isOver: () => set.isMaster(set.replica), isSeen: true })
})

t.test('when the master stops answering under load, both connections of each node follow to the new one', async t => {
  const set = await startSentinelSet(t)
  await survives(t, { redis: set.master, env: set.env, act: async () => { set.master.pause() }, isOver: () => set.isMaster(set.replica), isSeen: true })
  set.master.resume()
})

t.test('when an operator has the master replaced, and the old one lives on, nobody stays with it', async t => {
  const set = await startSentinelSet(t)
  await survives(t, { redis: set.master, env: set.env, act: () => set.failOver(), isOver: () => set.isMaster(set.replica), isSeen: false })
})

t.test('a start without a Sentinel that answers ends within five seconds, naming them', async t => {
  const port = await freePort()
  const log = await refusedStart(t, {
    REDIS_SENTINELS: `127.0.0.1:${port}`, REDIS_SENTINEL_NAME: 'orders', REDIS_SENTINEL_PASSWORD: PASSWORD, REDIS_URL: `redis://:${PASSWORD}@orders`
  })
  t.match(log, `Redis at orders of the Sentinels 127.0.0.1:${port} was not ready within 2000 ms: failed to connect to sentinel 127.0.0.1:${port} because connect ECONNREFUSED`)
  t.notMatch(log, PASSWORD)
})

t.test('a start with a name that the Sentinels do not know ends within five seconds, naming it', async t => {
  const set = await startSentinelSet(t)
  const log = await refusedStart(t, { ...set.env, REDIS_SENTINEL_NAME: 'orders' })
  t.match(log, /Redis at orders of the Sentinels .* because ERR No such master with that name/)
})
