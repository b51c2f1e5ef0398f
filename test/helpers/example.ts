import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { ClosedError, Inbox } from './inbox.ts'

/** How long an example may take for a line. */
export const LINE_MS = 20_000

export interface Example {
  /** What it writes to stdout, line by line; ended by the end of the process. */
  readonly lines: Inbox<string>
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  /** All lines that are left, and the exit code, when it has ended by itself. */
  readonly end: () => Promise<{ code: number, said: string[] }>
}

/** Runs a built example in a folder of its own, where what it keeps is gone with the test. */
export async function runExample (t: Pick<Test, 'after'>, name: string, ...args: string[]): Promise<Example> {
  const script = fileURLToPath(new URL(`../../dist/examples/${name}.js`, import.meta.url))
  await access(script).catch(() => { throw new Error('there are no built examples: run "npm run build" first') })
  const { PATH = '' } = process.env
  const cwd = await mkdtemp(join(tmpdir(), 'roomcast-example-'))
  const child = spawn(process.execPath, [script, ...args], { cwd, env: { PATH }, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = new Inbox<string>()
  const closed = once(child, 'close')
  createInterface({ input: child.stdout }).on('line', line => { lines.push(line) }).on('close', async () => {
    const [code] = await closed as [number | null]
    lines.end({ code: code ?? -1, reason: `${name} has ended` })
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await closed
    await rm(cwd, { recursive: true, force: true })
  })
  return { lines, child, end: () => drain(lines) }
}

/** The chat's server. */
export interface Chat extends Example {
  readonly url: string
  readonly wsUrl: string
}

/** Starts the chat's server and waits until it serves. */
export async function startChat (t: Pick<Test, 'after'>): Promise<Chat> {
  const example = await runExample(t, 'chat-server', '0')
  const url = (await example.lines.next('the address', LINE_MS)).replace('the chat is at ', '')
  return { ...example, url, wsUrl: `${url.replace('http', 'ws')}/ws` }
}

/** Asks the chat's login for a token, as its clients do. */
export async function logIn (url: string, name: string): Promise<string> {
  const body = JSON.stringify({ name })
  const answer = await fetch(`${url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (!answer.ok) throw new Error(`the login answered ${answer.status}`)
  return (await answer.json() as { token: string }).token
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
