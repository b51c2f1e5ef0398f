import type { Test } from 'tap'
import { launchServer, startServer, type Environment } from './server-process.ts'

/** Five seconds are promised: a second to start anything at all, which a busy machine may stretch, and four for Redis. */
const PATIENCE_MS = 4_000

let startMs: Promise<number> | undefined

/** How long a process takes here and now to start with all it needs. */
async function startTime (t: Pick<Test, 'after'>): Promise<number> {
  const start = performance.now()
  await startServer(t)
  return performance.now() - start
}

/** Starts a server that must not start, and in time; answers what it said. */
export async function refusedStart (t: Test, env: Environment): Promise<string> {
  const before = PATIENCE_MS + await (startMs ??= startTime(t))
  const server = await launchServer(t, { name: 'lonely', env: { LOG_LEVEL: 'trace', ...env } })
  const { code, ms } = await server.exit()
  const log = server.logs.join('\n')
  t.not(code, 0)
  // The machine may have more to do now than it had then.
  const limitMs = ms < before ? before : PATIENCE_MS + await startTime(t)
  t.ok(ms < limitMs, `it took ${ms} ms`)
  t.notMatch(log, 'roomcast is ready')
  return log
}
