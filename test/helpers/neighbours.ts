import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Inbox } from './inbox.ts'
import type { ServerProcess } from './server-process.ts'
import { memberToken } from './token.ts'

interface Report {
  readonly opened?: number
  readonly reached?: number
  readonly counts?: readonly number[]
}

export interface NeighboursOptions {
  readonly rooms: readonly string[]
  readonly count: number
}

const SCRIPT = fileURLToPath(new URL('neighbours-process.mjs', import.meta.url))
const REACH_MS = 30_000

/** Many connections in the same rooms that read everything, in a process of their own. Made by `gatherNeighbours`. */
export class Neighbours {
  readonly #child: ChildProcess
  readonly #reports = new Inbox<Report>()

  constructor (child: ChildProcess) {
    this.#child = child
    child.on('message', report => { this.#reports.push(report as Report) })
    child.on('exit', code => { this.#reports.end({ code: code ?? 0, reason: 'the process of the neighbours ended' }) })
  }

  async open (server: ServerProcess, { rooms, count }: NeighboursOptions): Promise<this> {
    const tokens = Array.from({ length: count }, (_, index) => memberToken(`neighbour-${index}`, { rooms }))
    await this.#ask({ port: Number(new URL(server.url).port), tokens }, 'word that all are open')
    return this
  }

  /** Resolves when each has received so many publications since it came. */
  async reach (wanted: number): Promise<void> {
    await this.#ask({ wanted }, `word that all have received ${wanted}`)
  }

  /** How many publications each has received. */
  async counts (): Promise<readonly number[]> {
    return (await this.#ask({ ask: 'counts' }, 'counts')).counts ?? []
  }

  #ask (question: Record<string, unknown>, what: string): Promise<Report> {
    const report = this.#reports.next(what, REACH_MS)
    this.#child.send(question)
    return report
  }
}

/** Brings so many connections into some rooms. */
export async function gatherNeighbours (t: Pick<Test, 'after'>, server: ServerProcess, options: NeighboursOptions): Promise<Neighbours> {
  const child = fork(SCRIPT)
  t.after(() => { child.kill('SIGKILL') })
  return new Neighbours(child).open(server, options)
}
