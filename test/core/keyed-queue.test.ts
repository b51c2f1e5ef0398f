import t from 'tap'
import { KeyedQueue } from '../../src/core/keyed-queue.ts'

/** A task that ends when it is told to, and tells when it began. */
function controlled (log: string[], name: string) {
  const { promise, resolve, reject } = withResolvers()
  const task = async (): Promise<string> => {
    log.push(`${name} began`)
    await promise
    log.push(`${name} ended`)
    return name
  }
  return { task, end: resolve, fail: reject }
}

function withResolvers () {
  let resolve = (): void => {}
  let reject = (_error: Error): void => {}
  const promise = new Promise<void>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
  return { promise, resolve, reject }
}

t.test('tasks of one key run one after the other, in the order in which they came', async t => {
  const queue = new KeyedQueue()
  const log: string[] = []
  const tasks = ['a', 'b', 'c'].map(name => controlled(log, name))
  const results = tasks.map(({ task }) => queue.run('key', task))
  for (const { end } of tasks.toReversed()) end()
  t.same(await Promise.all(results), ['a', 'b', 'c'])
  t.same(log, ['a began', 'a ended', 'b began', 'b ended', 'c began', 'c ended'])
})

t.test('tasks of different keys do not wait for each other', async t => {
  const queue = new KeyedQueue()
  const log: string[] = []
  const slow = controlled(log, 'slow')
  const slowResult = queue.run('one', slow.task)
  t.equal(await queue.run('other', async () => 'done'), 'done')
  t.same(log, ['slow began'])
  slow.end()
  await slowResult
})

t.test('a task that fails rejects its own promise and does not stop those behind it', async t => {
  const queue = new KeyedQueue()
  const log: string[] = []
  const bad = controlled(log, 'bad')
  const failing = queue.run('key', bad.task)
  const next = queue.run('key', async () => 'next')
  bad.fail(new Error('no'))
  await t.rejects(failing, { message: 'no' })
  t.equal(await next, 'next')
})

t.test('nothing is kept of a key whose tasks have ended', async t => {
  const queue = new KeyedQueue()
  const results = ['a', 'b', '__proto__'].map(key => queue.run(key, async () => key))
  const failing = queue.run('a', async () => { throw new Error('no') })
  t.equal(queue.size, 3)
  await Promise.all([...results, t.rejects(failing)])
  await queue.idle()
  t.equal(queue.size, 0)
})

t.test('it is idle when every task that is known has ended, failed ones included', async t => {
  const queue = new KeyedQueue()
  const log: string[] = []
  const one = controlled(log, 'one')
  const two = controlled(log, 'two')
  const results = [queue.run('a', one.task), queue.run('b', two.task)]
  const idle = queue.idle().then(() => { log.push('idle') })
  one.end()
  two.fail(new Error('no'))
  await Promise.allSettled(results)
  await idle
  t.same(log, ['one began', 'two began', 'one ended', 'idle'])
})
