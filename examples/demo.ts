// The main job on one screen: two nodes, one Redis, a client at each. `npm run demo`
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { signToken } from '../src/development.ts'

const SECRET = 'the-demo-secret-is-not-for-production'
const API_KEY = 'the-demo-key-is-not-for-production'
const SERVER = fileURLToPath(new URL('../src/server.js', import.meta.url))
const processes: ChildProcess[] = []

try {
  const redisUrl = await startRedis()
  const [north, south] = await Promise.all([startNode('north', redisUrl), startNode('south', redisUrl)])
  say(`two nodes share a Redis: north ${north}, south ${south}`)

  const alice = await connect('alice', north)
  const bob = await connect('bob', south)
  say('alice is connected to north, bob to south; both are in the room "lobby"')

  const arrivals = Promise.all([next(alice), next(bob)])
  say(`a backend posts to south: ${await ask(south, '/publish', { room: 'lobby', data: 'hello from a backend' })}`)
  const [toAlice, toBob] = await arrivals
  say(`alice got it on north: ${toAlice}`)
  say(`bob got it on south:   ${toBob}`)
  say(`south says who alice is: ${await ask(south, '/presence/alice')}`)
  alice.close()
  bob.close()
} finally {
  await stopAll()
}
say('done; every process has ended')

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}

async function startRedis (): Promise<string> {
  const binary = ['redis-server', 'valkey-server'].find(name => spawnSync(name, ['--version']).error === undefined)
  if (binary === undefined) throw new Error('The demo needs redis-server or valkey-server: apt-get install redis-server, brew install redis, apk add redis')
  const port = await freePort()
  const redis = start(spawn(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']))
  await lineWith(redis, 'Ready to accept connections')
  return `redis://127.0.0.1:${port}`
}

async function startNode (name: string, redisUrl: string): Promise<string> {
  const node = start(spawn(process.execPath, [SERVER], {
    env: { PORT: '0', NODE_NAME: name, REDIS_URL: redisUrl, JWT_SECRET: SECRET, API_KEYS: `demo:${API_KEY}` }
  }))
  const line = await lineWith(node, 'roomcast is ready')
  return (JSON.parse(line) as { address: string }).address
}

function start (child: ChildProcess): ChildProcess {
  processes.push(child)
  child.stderr?.pipe(process.stderr)
  return child
}

async function lineWith (child: ChildProcess, text: string): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no output')
  for await (const line of createInterface(child.stdout)) if (line.includes(text)) return line
  throw new Error(`the process ended before it said "${text}"`)
}

async function connect (sub: string, url: string): Promise<WebSocket> {
  const token = signToken({ sub, rooms: ['lobby'] }, { jwtSecret: SECRET, jwtAlgorithm: 'HS256' }, 60)
  const client = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, 'roomcast.v1', { headers: { authorization: `Bearer ${token}` } })
  await next(client)
  return client
}

async function next (client: WebSocket): Promise<string> {
  const [frame] = await once(client, 'message') as [Buffer]
  return frame.toString()
}

async function ask (url: string, path: string, body?: object): Promise<string> {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, ...body && { 'content-type': 'application/json' } },
    ...body && { body: JSON.stringify(body) }
  })
  return `${response.status} ${await response.text()}`
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Nodes first, so that they can still clear what they left in Redis. */
async function stopAll (): Promise<void> {
  for (const child of processes.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
}
