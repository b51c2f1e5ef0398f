import { readdir, readFile } from 'node:fs/promises'
import type { ServerProcess } from '../helpers/server-process.ts'
import type { Inspector } from './inspector.ts'

/** What a node holds, as far as that is cheap to ask. */
export interface Vitals {
  readonly heapBytes: number
  /** Timers, sockets and whatever else keeps the event loop awake, by kind. */
  readonly handles: ReadonlyMap<string, number>
  /** Listeners of the process. */
  readonly listeners: number
  readonly fds: number
  readonly threads: number
}

/** What a node holds when nobody is connected to it. */
export interface Measure extends Vitals {
  /** Live objects by class. */
  readonly objects: ReadonlyMap<string, number>
}

/**
 * More heap than before that is no leak. What V8 compiles and learns of hot functions goes on growing after a warm-up, and history tails and
 * pools of buffers come and go; together they were some 2 MB. One kilobyte that each connection of ten minutes left behind would be more.
 */
const HEAP_BYTES = 4 * 1_024 * 1_024
/** So many more objects of one class are no leak: a heartbeat under way, a socket of HTTP that is kept alive. One for each connection would be thousands. */
const OBJECTS = 60
/** Sockets of HTTP by which the checker itself asked, and which a node keeps open for more than a minute. One for each connection would be thousands. */
const OWN_SOCKETS = 16
/** Node keeps up to a thousand of these for the next requests, as many as were needed at once. */
const POOLED = new Map([['HTTPParser', 1_000]])

/** Looks at a node from outside: by its inspector, and by what the kernel says of its process. */
export async function takeVitals ({ pid }: ServerProcess, inspector: Inspector): Promise<Vitals> {
  const heapBytes = await inspector.heapUsed()
  const kinds = await inspector.evaluate<string[]>('process.getActiveResourcesInfo()')
  const handles = new Map<string, number>()
  for (const kind of kinds) handles.set(kind, (handles.get(kind) ?? 0) + 1)
  const listeners = await inspector.evaluate<number>('process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)')
  const [fds, status] = [await readdir(`/proc/${pid}/fd`), await readFile(`/proc/${pid}/status`, 'utf8')]
  return { heapBytes, handles, listeners, fds: fds.length, threads: Number(/Threads:\s*(\d+)/.exec(status)?.[1]) }
}

/** The same, and every object: the node stands still for a second meanwhile. */
export async function measure (node: ServerProcess, inspector: Inspector): Promise<Measure> {
  return { ...await takeVitals(node, inspector), objects: await inspector.objects() }
}

/** What there is more of than before, in words. */
export function excess (before: Measure, after: Vitals & Partial<Measure>): string[] {
  const more: string[] = []
  if (after.heapBytes > before.heapBytes + HEAP_BYTES) more.push(`heap ${megabytes(before.heapBytes)} → ${megabytes(after.heapBytes)} MB`)
  for (const [kind, count] of after.handles) {
    const was = before.handles.get(kind) ?? 0
    if (count > was + (kind === 'TCPSocketWrap' ? OWN_SOCKETS : 0)) more.push(`handles of kind ${kind} ${was} → ${count}`)
  }
  for (const name of ['listeners', 'fds', 'threads'] as const) if (after[name] > before[name] + (name === 'fds' ? OWN_SOCKETS : 0)) more.push(`${name} ${before[name]} → ${after[name]}`)
  for (const [name, count] of after.objects ?? []) {
    const was = before.objects.get(name) ?? 0
    if (count > Math.max(was + Math.max(OBJECTS, was / 10), POOLED.get(name) ?? 0)) more.push(`objects of class ${name} ${was} → ${count}`)
  }
  return more
}

export function megabytes (bytes: number): string {
  return (bytes / 1_024 / 1_024).toFixed(1)
}
