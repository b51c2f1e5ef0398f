import { spawnSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { API_KEY, startServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const examples: ReadonlyArray<readonly [program: string, file: string]> = [[process.execPath, 'notify.mjs'], ['sh', 'notify.sh'], ['python3', 'notify.py']]
/** What a fresh Debian may lack. */
const needs: Readonly<Record<string, string>> = { 'notify.sh': 'curl', 'notify.py': 'python3' }

const isThere = (program: string) => spawnSync(program, ['--version']).error === undefined

const server = await startServer(t)

async function run (program: string, file: string, args: readonly string[], key = API_KEY) {
  const { PATH = '' } = process.env
  const script = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url))
  const child = spawn(program, [script, ...args], { env: { PATH, ROOMCAST_URL: server.url, ROOMCAST_API_KEY: key } })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>])
  return { code, stdout, stderr }
}

for (const [program, file] of examples) {
  const tool = needs[file]
  const skip = tool === undefined || isThere(tool) ? false : `there is no ${tool} here`
  t.test(`${file} reaches a user and prints the position, and fails where it is refused`, { skip }, async t => {
    const alice = await connect(t, { url: server.wsUrl, token: memberToken(`alice-${file}`) })
    const data = { type: 'order.placed', für: 'zoë' }
    const { code, stdout, stderr } = await run(program, file, [`alice-${file}`, JSON.stringify(data)])
    t.equal(code, 0, stderr)
    t.match(JSON.parse(stdout), { publications: [{ user: `alice-${file}`, offset: 1, duplicate: false }] })
    t.match(await alice.inbox.next('the notification'), { type: 'message', data })
    const refused = await run(program, file, ['alice', '1'], 'wrong')
    t.not(refused.code, 0)
    t.match(refused.stdout + refused.stderr, 'unauthorized')
  })
}

t.end()
