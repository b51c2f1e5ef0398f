import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { memberToken } from '../helpers/token.ts'

const SHUTDOWN_MS = 10_000
const MAX_ERRORS_LOGGED = 10
const NODE_OPTIONS = `--import ${new URL('fault.mjs', import.meta.url).href}`

const faults = {
  exception: 'a bug that nobody foresaw',
  rejection: 'a bug that nobody foresaw',
  'no error': 'no error',
  'many errors': 'a bug that nobody foresaw'
}

t.test('an error that nobody handled ends the process in order, with a failure and a word about it', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  const [witness] = cluster.nodes
  for (const [fault, message] of Object.entries(faults)) {
    await t.test(fault, async t => {
      const node = await cluster.start({ NODE_OPTIONS, FAULT: fault })
      const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice', { rooms: ['lobby'] }) })
      const { pid } = node
      const since = performance.now()
      node.signal('SIGWINCH')

      t.same(await alice.closed, { code: 1001, reason: 'going away' })
      const { code, signal, ms } = await node.exit(undefined, since)
      t.same({ code, signal }, { code: 1, signal: null })
      t.ok(ms < SHUTDOWN_MS, `it took ${ms} ms`)
      t.match(await witness?.presence('alice'), { online: false, connections: [] })

      const fatal = node.logs.filter(line => line.includes('"level":60')).map(line => JSON.parse(line) as { pid: number, msg: string, err: object })
      t.ok(fatal.length >= 1 && fatal.length <= MAX_ERRORS_LOGGED, `${fatal.length} lines tell of it`)
      t.match(fatal[0], { pid, msg: 'an error that nobody handled; shutting down', err: { message, stack: String } })
      t.notMatch(node.logs.join('\n'), 'a-password-of-nobody', 'and of nothing that hung on it')
    })
  }
})
