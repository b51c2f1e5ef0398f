import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const children = []

/** Starts a Redis that keeps nothing, on a free port; resolves with its URL. */
export async function startRedis () {
  const port = await freePort()
  const child = start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {})
  await lineWith(child, 'Ready to accept connections')
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid }
}

/** Starts a Roomcast node; resolves with its address. */
export async function startNode (env) {
  const child = start(process.execPath, [new URL('../../dist/src/server.js', import.meta.url).pathname], { PORT: '0', LOG_LEVEL: 'info', ...env })
  const { address } = JSON.parse(await lineWith(child, 'roomcast is ready'))
  return { address, pid: child.pid }
}

/** Starts a server to compare with; resolves with its port once it listens. */
export async function startPeer (file, env) {
  const child = start(process.execPath, [new URL(`../peers/${file}`, import.meta.url).pathname], env)
  const port = Number((await lineWith(child, 'listening')).split(' ')[1])
  return { port, pid: child.pid }
}

/** What a process has used so far: user and system time in microseconds, and its resident memory in bytes. */
export function usageOf (pid) {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  // Ticks of 10 ms, and pages (proc(5)).
  return { cpuMicros: (Number(words[11]) + Number(words[12])) * 10_000, rssBytes: Number(words[21]) * 4_096 }
}

/** Ends everything that was started, the newest first. */
export async function stopAll () {
  for (const child of children.splice(0).reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
}

function start (command, args, env) {
  const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

function lineWith (child, text) {
  return new Promise((resolve, reject) => {
    const lines = createInterface(child.stdout)
    lines.on('line', line => {
      if (!line.includes(text)) return
      resolve(line)
      // What it says after that is thrown away unread: parsing it here would be measured with the rest.
      lines.close()
      child.stdout.resume()
    })
    lines.on('close', () => { reject(new Error(`the process ended before it said "${text}"`)) })
  })
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
