import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { connect, connectRefused } from '../helpers/client.ts'
import { ClosedError, Inbox } from '../helpers/inbox.ts'
import { API_KEY, startServer } from '../helpers/server-process.ts'
import { token } from '../helpers/token.ts'
import { refusal } from './host.ts'

const LINE_MS = 20_000

interface Example {
  /** What it writes to stdout, line by line; ended by the end of the process. */
  readonly lines: Inbox<string>
  readonly child: ChildProcess
  /** All lines that are left, and the exit code, when it has ended by itself. */
  readonly end: () => Promise<{ code: number, said: string[] }>
}

async function runExample (t: Test, name: string, ...args: string[]): Promise<Example> {
  const script = fileURLToPath(new URL(`../../dist/examples/${name}.js`, import.meta.url))
  await access(script).catch(() => { throw new Error('there are no built examples: run "npm run build" first') })
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [script, ...args], { env: { PATH }, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = new Inbox<string>()
  const closed = once(child, 'close')
  createInterface({ input: child.stdout }).on('line', line => { lines.push(line) }).on('close', async () => {
    const [code] = await closed as [number | null]
    lines.end({ code: code ?? -1, reason: `${name} has ended` })
  })
  t.after(async () => { child.kill('SIGKILL'); await closed })
  return { lines, child, end: () => drain(lines) }
}

async function drain (lines: Inbox<string>): Promise<{ code: number, said: string[] }> {
  const said: string[] = []
  for (;;) {
    try {
      said.push(await lines.next('another line, or the end', LINE_MS))
    } catch (error) {
      if (error instanceof ClosedError) return { code: error.code, said }
      throw error
    }
  }
}

t.test('the embedded example serves clients, asks its functions, and tells who came and went', async t => {
  const { lines, child, end } = await runExample(t, 'embedded', '0')
  const url = (await lines.next('the address', LINE_MS)).replace('listening at ', '')
  const wsUrl = `${url.replace('http', 'ws')}/realtime/ws`
  t.equal((await connectRefused(t, { url: wsUrl })).status, 401, 'who are you?')

  const bob = await connect(t, { url: `${wsUrl}?user=bob` })
  t.equal(await lines.next('word of bob', LINE_MS), 'bob connected')
  const order = await fetch(`${url}/orders/bob`, { method: 'POST' })
  t.same(await order.json(), { wasOnline: true })
  t.match(await bob.inbox.next('the order'), { type: 'message', room: '$user:bob', data: { type: 'order.placed', at: Number } })
  t.same(await (await fetch(`${url}/orders/carol`, { method: 'POST' })).json(), { wasOnline: false })

  t.match(await bob.subscribe('anything'), { type: 'subscribed' })
  t.match(await bob.publish('notes:bob', 'mine'), { type: 'published' })
  t.match(await refusal(() => bob.publish('notes:carol', 'hers')), { code: 'room_forbidden' })
  t.match(await refusal(() => bob.publish('notes:bob', 'spam')), { code: 'publication_refused' })
  await bob.close()
  t.equal(await lines.next('word of bob\'s end', LINE_MS), 'bob disconnected (1000)')

  await connect(t, { url: `${wsUrl}?user=dora` })
  t.equal(await lines.next('word of dora', LINE_MS), 'dora connected')
  child.kill('SIGTERM')
  t.same(await end(), { code: 0, said: ['dora disconnected (1001)'] })
})

t.test('the service example publishes to its client through a server, and ends by itself', async t => {
  const server = await startServer(t)
  const { end } = await runExample(t, 'service', server.url, token({ sub: 'zoë' }), API_KEY)
  const { code, said } = await end()
  t.equal(code, 0)
  t.match(said.sort(), [
    /^backend asked who is online: 200 \{"userId":"zoë","online":true,"lastSeenAt":null,"connections":\[\{.+\}\]\}$/,
    /^backend published: 200 \{"publications":\[\{"room":"\$user:zoë",.+\}\]\}$/,
    'client got message "hello zoë"',
    'client got welcome "zoë"'
  ])
  t.equal(said.length, 4)
})

t.test('the demo shows a publication at both nodes and the truth about presence, and ends by itself', async t => {
  const { end } = await runExample(t, 'demo')
  const { code, said } = await end()
  t.equal(code, 0, said.join('\n'))
  t.match(said, [
    /^two nodes share a Redis: north http:\S+, south http:\S+$/,
    /^alice is connected to north, bob to south/,
    /^a backend posts to south: 200 \{"publications":\[\{"room":"lobby",.+"offset":1\}\]\}$/,
    /^alice got it on north: \{"type":"message","room":"lobby",.*"data":"hello from a backend".*\}$/,
    /^bob got it on south: {3}\{"type":"message","room":"lobby",.*"data":"hello from a backend".*\}$/,
    /^south says who alice is: 200 \{"userId":"alice","online":true,"lastSeenAt":null,"connections":\[\{.*"nodeName":"north".*\}\]\}$/,
    'done; every process has ended'
  ])
})
