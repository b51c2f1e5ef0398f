import t from 'tap'
import { startProxy } from '../client/tcp-proxy.ts'
import { startRedis } from '../helpers/redis-server.ts'

/** Sets a variable of this process for one test. */
function setVariable (t: { after: (undo: () => void) => unknown }, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.after(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

t.test('without a binary the helper names the commands that install one', async t => {
  setVariable(t, 'PATH', '')
  await t.rejects(startRedis(t), { message: /apt-get install redis-server[^]*brew install[^]*REDIS_SERVER_BIN/ })
})

t.test('a named binary that is not there is named', async t => {
  setVariable(t, 'REDIS_SERVER_BIN', 'no-such-redis')
  await t.rejects(startRedis(t), { message: /no-such-redis/ })
})

t.test('a Redis that ends before it answers is told with what it wrote', async t => {
  setVariable(t, 'REDIS_SERVER_BIN', process.execPath)
  await t.rejects(startRedis(t), { message: /ended before it answered PING[^]*node: bad option/ })
})

t.test('a Redis that was killed comes back on the same port, empty', async t => {
  const redis = await startRedis(t)
  const { port, pid } = redis
  await redis.command('SET', 'key', 'value')
  await redis.restart({ empty: true })
  t.equal(redis.port, port)
  t.not(redis.pid, pid)
  t.equal(await redis.command('GET', 'key'), null)
  await redis.kill()
  await t.rejects(redis.command('PING'))
  await redis.restart({ empty: true })
  t.equal(await redis.command('PING'), 'PONG')
})

t.test('a Redis comes back with what it saved last, or empty where that is wanted', async t => {
  const redis = await startRedis(t)
  await redis.command('SET', 'key', 'saved')
  await redis.save()
  await redis.command('SET', 'key', 'not saved')
  await redis.restart({ from: 'snapshot' })
  t.equal(await redis.command('GET', 'key'), 'saved')
  await redis.restart({ empty: true })
  t.equal(await redis.command('GET', 'key'), null)
})

t.test('a replica that is cut off lags, and is promoted with what it has', async t => {
  const redis = await startRedis(t)
  const replication = await startProxy(t, redis.url)
  await redis.command('SET', 'key', 'before')
  const replica = await startRedis(t, { replicaOf: replication.port })
  t.equal(await replica.command('GET', 'key'), 'before')
  await t.rejects(replica.command('SET', 'key', 'refused'), { message: /READONLY/ })
  await redis.command('SET', 'key', 'caught up')
  await replica.hasCaughtUp(redis)
  t.equal(await replica.command('GET', 'key'), 'caught up')
  replication.cut()
  await redis.command('SET', 'key', 'lost')
  await replica.promote()
  t.equal(await replica.command('GET', 'key'), 'caught up')
  t.equal(await replica.command('SET', 'key', 'after'), 'OK')
})

t.test('a Redis that was stopped in its tracks is torn down like any other', async t => {
  const redis = await startRedis(t)
  redis.pause()
  t.ok(redis.pid)
})

t.test('a durable Redis that was killed comes back with all that it confirmed, or empty', async t => {
  const redis = await startRedis(t, { isDurable: true })
  await redis.command('SET', 'key', 'value')
  await redis.restart({ from: 'log' })
  t.equal(await redis.command('GET', 'key'), 'value')
  await redis.restart({ empty: true })
  t.equal(await redis.command('GET', 'key'), null)
})
