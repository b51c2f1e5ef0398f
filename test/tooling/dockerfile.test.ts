import t, { type Test } from 'tap'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { createIgnore, parseDockerfile } from './dockerfile.ts'
import { buildImage, cleanEnvironment, type Image } from './image.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const source = readFileSync(join(repository, 'Dockerfile'), 'utf8')
const stages = parseDockerfile(source)

/** What `docker stop` gives a process before it kills it. */
const STOP_TIMEOUT_MS = 10_000
/** From the start to the first good answer; a node starts in well under a second, the rest is for a busy machine. */
const HEALTHY_TIMEOUT_MS = 30_000

// Two installations and a compilation.
t.setTimeout(300_000)

t.test('the linter of Dockerfiles finds nothing to say', async t => {
  t.same(validate(source), [])
})

t.test('the linter would say something', async t => {
  t.not(validate(source.replace('WORKDIR /app', 'WORKDIR app')).length, 0)
  t.not(validate(`${source}RUNN x\n`).length, 0)
})

t.test('an installation is cached until a manifest changes: nothing else is copied before it', async t => {
  for (const { instructions } of stages) {
    const install = instructions.findIndex(({ keyword, text }) => keyword === 'RUN' && text.startsWith('npm ci'))
    const before = instructions.slice(0, Math.max(install, 0)).filter(({ keyword }) => keyword === 'COPY')
    for (const { text } of before) t.equal(text, 'package.json package-lock.json ./')
  }
  t.equal(stages.length, 3)
})

t.test('the context holds no secret, no history and nothing that was built here', async t => {
  const isIgnored = createIgnore(readFileSync(join(repository, '.dockerignore'), 'utf8'))
  for (const path of ['.env', '.env.production', '.git/config', 'node_modules/ws/index.js', 'dist/src/server.js', 'test/tooling/image.ts', 'tools/reporter.mjs', '.roomcast-dev.json']) {
    t.ok(isIgnored(path), `${path} stays out`)
  }
  for (const path of ['package.json', 'package-lock.json', 'src/core/node.ts', 'plugins/realtime.ts', 'routes/ws.ts', 'console/main.js', 'tools/build.mjs']) t.notOk(isIgnored(path), `${path} goes in`)
})

t.test('the image is built by its own steps, answers its own health check and stops cleanly', async t => {
  const target = await mkdtemp(join(tmpdir(), 'roomcast-image-'))
  t.teardown(() => rm(target, { recursive: true, force: true }))
  const image = await buildImage(repository, target)

  t.equal(image.user, 'node', 'it does not run as root')
  t.same(image.env, { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '3000' })
  for (const path of ['node_modules/typescript', 'node_modules/tap', 'node_modules/eslint', 'src', 'test', '.env']) {
    t.notOk(existsSync(join(image.workdir, path)), `${path} is not in it`)
  }

  t.test('without a secret it refuses to start, naming the variable', async t => {
    const child = start(t, image, { PORT: '0', HOST: '127.0.0.1' })
    const output = collect(child)
    const [code] = await once(child, 'close')
    t.not(code, 0)
    t.match(output(), 'JWT_SECRET')
  })

  t.test('with its settings it becomes healthy, and ends with 0 when it is told to stop', async t => {
    const settings = { JWT_SECRET: 's'.repeat(32), API_KEYS: `orders:${'k'.repeat(32)}`, HOST: '127.0.0.1', PORT: await freePort() }
    t.notOk(await isHealthy(image, settings), 'before the start the check fails')
    const child = start(t, image, settings)
    const output = collect(child)
    await healthy(child, image, settings).catch(cause => { throw new Error(`${String(cause)}:\n${output()}`) })
    t.pass('the health check succeeds')

    const end = once(child, 'close', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    child.kill('SIGTERM')
    t.same(await end, [0, null])
    t.notOk(await isHealthy(image, settings), 'after the end the check fails')
  })
})

/** A container inherits nothing from the machine; PATH stands for the base image's. */
const environment = (image: Image, settings: Record<string, string>) => ({ PATH: cleanEnvironment()['PATH'], ...image.env, ...settings })

function start (t: Test, image: Image, settings: Record<string, string>): ChildProcess {
  const [command = '', ...args] = image.command
  const child = spawn(command, args, { cwd: image.workdir, env: environment(image, settings), stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

function collect (child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => { text += String(chunk) })
  return () => text
}

/** Runs the health check once. */
function isHealthy (image: Image, settings: Record<string, string>): Promise<boolean> {
  const [command = '', ...args] = image.healthcheck
  return new Promise(resolve => {
    execFile(command, args, { cwd: image.workdir, env: environment(image, settings), timeout: 5_000 }, error => resolve(error === null))
  })
}

/** Asks again and again, as Docker would, until the answer is good; rejects when the process ends or takes too long. */
async function healthy (child: ChildProcess, image: Image, settings: Record<string, string>): Promise<void> {
  const deadline = performance.now() + HEALTHY_TIMEOUT_MS
  while (!await isHealthy(image, settings)) {
    if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}`)
    if (performance.now() > deadline) throw new Error(`not healthy within ${HEALTHY_TIMEOUT_MS} ms`)
  }
}

async function freePort (): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}
