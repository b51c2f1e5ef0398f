import t from 'tap'
import { Inbox, MAX_WAITING, MAX_WAITING_BYTES } from '../../src/core/inbox.ts'

interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

function gate (): Gate {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { opened, open }
}

/** An inbox that notes the text of each frame, and what it does to its transport. */
function observed () {
  const log: string[] = []
  const transport = { pause: () => { log.push('pause') }, resume: () => { log.push('resume') } }
  const inbox = new Inbox({ transport }, {
    handle: async (_owner, { bytes }) => { log.push(Buffer.from(bytes).toString()) },
    fail: (_owner, error) => { log.push(`failed: ${error instanceof Error ? error.message : String(error)}`) }
  })
  const frame = (text: string): void => { inbox.push({ bytes: Buffer.from(text), format: 'text' }) }
  return { inbox, log, frame }
}

t.test('frames and tasks are handled one after the other, in the order in which they came', async t => {
  const { inbox, log, frame } = observed()
  const opening = gate()
  inbox.push(async () => {
    log.push('opening began')
    await opening.opened
    log.push('opening ended')
  })
  frame('one')
  inbox.push(async () => { log.push('task') })
  frame('two')
  t.same(log, ['opening began'], 'what comes early waits')
  opening.open()
  await inbox.idle()
  t.same(log, ['opening began', 'opening ended', 'one', 'task', 'two'])
})

t.test('an inbox that has nothing to do is idle', async t => {
  const { inbox, frame, log } = observed()
  await inbox.idle()
  frame('one')
  await inbox.idle()
  t.same(log, ['one'])
  await inbox.idle()
})

t.test('with too many frames waiting the transport stops reading, and reads on when half are handled', async t => {
  const { inbox, log, frame } = observed()
  const busy = gate()
  inbox.push(() => busy.opened)
  for (let count = 0; count < MAX_WAITING; count++) frame('x')
  t.same(log, [], 'as many as allowed')
  frame('x')
  t.same(log, ['pause'], 'one too many')
  for (let count = 0; count < 10; count++) frame('x')
  t.same(log, ['pause'], 'it is paused once')
  busy.open()
  await inbox.idle()
  t.equal(log.filter(line => line === 'x').length, MAX_WAITING + 11, 'and nothing is dropped')
  t.equal(log.length - log.indexOf('resume') - 1, MAX_WAITING / 2)
  t.equal(log.filter(line => line === 'resume').length, 1)
})

t.test('a transport that was paused can be paused again', async t => {
  const { inbox, log, frame } = observed()
  for (let round = 0; round < 2; round++) {
    const busy = gate()
    inbox.push(() => busy.opened)
    for (let count = 0; count <= MAX_WAITING; count++) frame('x')
    busy.open()
    await inbox.idle()
  }
  t.same(log.filter(line => line !== 'x'), ['pause', 'resume', 'pause', 'resume'])
})

t.test('a task that throws is reported once, and an inbox that is used again goes on', async t => {
  const { inbox, log, frame } = observed()
  inbox.push(async () => { throw new Error('a bug') })
  await inbox.idle()
  // The report follows in the turn in which the line stopped.
  await new Promise(resolve => { setImmediate(resolve) })
  t.same(log, ['failed: a bug'])
  frame('one')
  await inbox.idle()
  t.same(log, ['failed: a bug', 'one'])
})

t.test('a task that throws at once is reported as one that rejects', async t => {
  const { inbox, log } = observed()
  inbox.push(() => { throw new Error('a bug') })
  await inbox.idle()
  await new Promise(resolve => { setImmediate(resolve) })
  t.same(log, ['failed: a bug'])
})

t.test('what waits when it is cleared is never handled, what is under way ends', async t => {
  const { inbox, log, frame } = observed()
  const busy = gate()
  inbox.push(async () => {
    await busy.opened
    log.push('under way')
  })
  frame('forgotten')
  inbox.clear()
  busy.open()
  await inbox.idle()
  t.same(log, ['under way'])
})

t.test('P01: with too many bytes waiting the transport stops reading, however few the frames, and reads on when half are handled', async t => {
  const { inbox, log, frame } = observed()
  const busy = gate()
  inbox.push(() => busy.opened)
  const quarter = 'x'.repeat(MAX_WAITING_BYTES / 4)
  for (let count = 0; count < 4; count++) frame(quarter)
  t.same(log, [], 'as many as allowed')
  frame('y')
  t.same(log, ['pause'], 'one byte too many')
  busy.open()
  await inbox.idle()
  t.same(log.map(line => line[0] === 'x' ? 'x' : line), ['pause', 'x', 'x', 'x', 'resume', 'x', 'y'])
  for (let count = 0; count < 4; count++) frame(quarter)
  await inbox.idle()
  t.equal(log.filter(line => line === 'pause').length, 1, 'what was handled does not count any more')
})

t.test('what was cleared does not count any more', async t => {
  const { inbox, log, frame } = observed()
  const busy = gate()
  inbox.push(() => busy.opened)
  frame('x'.repeat(MAX_WAITING_BYTES))
  inbox.clear()
  frame('x')
  t.same(log, [])
  busy.open()
  await inbox.idle()
})
