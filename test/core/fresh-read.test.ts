import t from 'tap'
import { FreshRead } from '../../src/core/fresh-read.ts'

/** Reads that end when the test says so, and that are numbered in the order in which they begin. */
function start () {
  const ends: Array<(error?: Error) => void> = []
  const read = new FreshRead(() => {
    const number = ends.length + 1
    return new Promise<number>((resolve, reject) => {
      ends.push(error => { if (error === undefined) resolve(number); else reject(error) })
    })
  })
  return { read, begun: () => ends.length, end: (number: number, error?: Error) => { ends[number - 1]?.(error) } }
}

function turn (): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}

t.test('a caller who comes alone gets a read of its own', async t => {
  const { read, begun, end } = start()
  for (const number of [1, 2]) {
    const result = read.get()
    t.equal(begun(), number)
    end(number)
    t.equal(await result, number)
  }
})

t.test('callers who come while a read is under way share the next one, so there are two', async t => {
  const { read, begun, end } = start()
  const first = read.get()
  const others = Array.from({ length: 100 }, () => read.get())
  t.equal(begun(), 1)
  end(1)
  await turn()
  t.equal(begun(), 2)
  end(2)
  t.equal(await first, 1)
  t.same(new Set(await Promise.all(others)), new Set([2]))
  t.equal(begun(), 2)
})

t.test('nobody gets a read that began before the call', async t => {
  const { read, begun, end } = start()
  const waits: Array<Promise<{ before: number, got: number }>> = []
  for (let round = 1; round <= 20; round++) {
    for (let caller = 0; caller < 3; caller++) {
      const before = begun()
      waits.push(read.get().then(got => ({ before, got })))
      await Promise.resolve()
    }
    end(round)
    if (round % 3 === 0) await turn()
  }
  for (let round = 0; round < 5; round++) {
    for (let number = 1; number <= begun(); number++) end(number)
    await turn()
  }
  const stale = (await Promise.all(waits)).filter(({ before, got }) => got <= before)
  t.same(stale, [])
})

t.test('a read that fails is told to those who shared it, and to nobody else', async t => {
  const { read, begun, end } = start()
  const first = t.rejects(read.get(), { message: 'one' })
  const second = read.get()
  const third = read.get()
  end(1, new Error('one'))
  await first
  await turn()
  const refused = [t.rejects(second, { message: 'two' }), t.rejects(third, { message: 'two' })]
  const fourth = read.get()
  end(2, new Error('two'))
  await Promise.all(refused)
  await turn()
  end(3)
  t.equal(await fourth, 3)
  t.equal(begun(), 3)
})
