import t from 'tap'
import { Turnstile } from '../../src/core/turnstile.ts'

/** Tasks that end when the test says so. */
class Tasks {
  /** Which have begun, in that order. */
  readonly begun: number[] = []
  readonly #ends = new Map<number, (error?: Error) => void>()

  task (name: number): () => Promise<number> {
    return () => new Promise((resolve, reject) => {
      this.begun.push(name)
      this.#ends.set(name, error => { if (error === undefined) resolve(name); else reject(error) })
    })
  }

  async end (name: number, error?: Error): Promise<void> {
    this.#ends.get(name)?.(error)
    await new Promise(resolve => { setImmediate(resolve) })
  }
}

t.test('so many run at a time, and the others in the order in which they came', async t => {
  const tasks = new Tasks()
  const turnstile = new Turnstile(2)
  const results = [1, 2, 3, 4, 5].map(name => turnstile.run(tasks.task(name)))
  t.same(tasks.begun, [1, 2])
  await tasks.end(2)
  t.same(tasks.begun, [1, 2, 3])
  await tasks.end(1)
  await tasks.end(3)
  t.same(tasks.begun, [1, 2, 3, 4, 5])
  await tasks.end(4)
  await tasks.end(5)
  t.same(await Promise.all(results), [1, 2, 3, 4, 5])
  turnstile.run(tasks.task(6))
  turnstile.run(tasks.task(7))
  turnstile.run(tasks.task(8))
  t.same(tasks.begun.slice(5), [6, 7], 'their places are free again')
})

t.test('one that fails makes place like any other, and its caller learns it', async t => {
  const tasks = new Tasks()
  const turnstile = new Turnstile(1)
  const failing = t.rejects(turnstile.run(tasks.task(1)), { message: 'no' })
  turnstile.run(tasks.task(2))
  await tasks.end(1, new Error('no'))
  await failing
  t.same(tasks.begun, [1, 2])
})

t.test('once it is lifted nobody waits', async t => {
  const tasks = new Tasks()
  const turnstile = new Turnstile(1)
  for (const name of [1, 2, 3]) turnstile.run(tasks.task(name))
  turnstile.lift()
  await tasks.end(0)
  for (const name of [4, 5]) turnstile.run(tasks.task(name))
  t.same(tasks.begun, [1, 2, 3, 4, 5])
})
