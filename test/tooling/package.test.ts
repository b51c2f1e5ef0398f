import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const run = promisify(execFile)

const APP = `import Fastify from 'fastify'
import { WebSocket } from 'ws'
import { roomcast } from 'roomcast'
import { RoomcastClient } from 'roomcast/client'

const app = Fastify({ routerOptions: { maxParamLength: 600 } })
await app.register(roomcast, { authenticate: () => ({ sub: 'alice', rooms: ['lobby'] }), console: true })
const url = await app.listen({ port: 0, host: '127.0.0.1' })
const client = new RoomcastClient({ url: url + '/ws', getToken: () => 'none', WebSocket })
const got = new Promise(resolve => client.room('lobby').on('message', ({ data }) => { resolve(data) }))
await client.connect()
await app.realtime.publish({ room: 'lobby' }, 'hello')
console.log(await got, (await fetch(url + '/console/client/index.js')).status)
client.close()
await app.close()
`

t.test('the package installs in another project, with its plugin, its client, its types and its command', async t => {
  const folder = t.testdir({ 'package.json': '{"name":"app","private":true,"type":"module"}', 'app.ts': APP, 'app.js': APP })
  // Without its scripts: the build would take dist away from the tests beside this one.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
  const [tarball = ''] = readdirSync(folder).filter(name => name.endsWith('.tgz'))
  const { stdout: list } = await run('tar', ['-tzf', join(folder, tarball)])
  for (const path of list.trim().split('\n')) {
    t.match(path, /^package\/(dist\/(src|plugins|routes|client)\/.+\.(js|d\.ts)|console\/.+\.(html|css|js|svg)|docs\/.+\.(md|svg|json)|deploy\/.+|(README|CHANGELOG|SECURITY)\.md|LICENSE|package\.json|\.env\.example)$/)
  }
  t.ok(readFileSync(join(folder, tarball)).length < 400_000)
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball, 'fastify', 'ws', '@types/node@20', '@types/ws'], { cwd: folder })
  t.equal((await run(process.execPath, ['app.js'], { cwd: folder })).stdout, 'hello 200\n')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  t.equal((await run('npx', ['--no-install', 'roomcast', '--version'], { cwd: folder })).stdout, `${version}\n`)
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']] as const) {
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', module, '--moduleResolution', moduleResolution]
    const { stdout } = await run(process.execPath, [TSC, ...options, 'app.ts'], { cwd: folder }).catch((error: { stdout: string }) => error)
    t.equal(stdout, '', moduleResolution)
  }
  const client = join(folder, 'node_modules/roomcast/dist/client')
  for (const name of readdirSync(client).filter(name => name.endsWith('.js'))) {
    const imports = [...readFileSync(join(client, name), 'utf8').matchAll(/(?:from|import) ?\(?'([^']+)'/g)].map(([, target = '']) => target)
    for (const target of imports) t.match(target, /^\.\/[\w-]+\.js$/, `${name} needs nothing but its own files`)
  }
})

t.test('what is packed is built before', async t => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  t.equal(scripts['prepack'], 'npm run -s build')
})
