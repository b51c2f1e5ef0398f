import t from 'tap'
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

t.test('a Redis that was stopped in its tracks is torn down like any other', async t => {
  const redis = await startRedis(t)
  redis.pause()
  t.ok(redis.pid)
})
