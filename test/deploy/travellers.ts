import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Inbox } from '../helpers/inbox.ts'

/** From when a client lost its connection until it was welcomed again, in milliseconds since 1970. */
export interface Absence {
  readonly userId: string
  readonly lostAt: number
  readonly backAt: number
}

/** What the process of the clients is told. */
export type Order =
  | { readonly type: 'open', readonly url: string, readonly room: string, readonly userIds: readonly string[] }
  /** The number that all shall receive. */
  | { readonly type: 'await', readonly number: number }
  | { readonly type: 'account' }

/** What it answers. */
export type Report =
  | { readonly type: 'opened' | 'arrived' }
  | Account

export interface Account {
  readonly type: 'account'
  readonly absences: readonly Absence[]
  /** What was not the next number after the last, and gaps, in words. */
  readonly faults: readonly string[]
  /** Publications that all received together. */
  readonly received: number
  /** How each client is, in words. */
  readonly standings: readonly string[]
}

const SCRIPT = fileURLToPath(new URL('travellers-process.ts', import.meta.url))
const PATIENCE_MS = 60_000

/** Clients of the library, many of them, in one process of their own. Made by `sendTravellers`. */
export class Travellers {
  readonly #child: ChildProcess
  readonly #reports = new Inbox<Report>()

  constructor (child: ChildProcess) {
    this.#child = child
    child.on('message', report => { this.#reports.push(report as Report) })
    child.on('exit', code => { this.#reports.end({ code: code ?? 0, reason: 'the process of the clients ended' }) })
  }

  /** Resolves when all are open and have received a number. */
  async have (number: number): Promise<void> {
    await this.ask({ type: 'await', number }, `word that all are open and have received ${number}`).catch(async cause => {
      const { standings, faults } = await this.account()
      throw new Error([`of ${number}`, ...standings.filter(text => !text.includes(`open and has received ${number}`)), ...faults].slice(0, 20).join('\n'), { cause })
    })
  }

  async account (): Promise<Account> {
    return await this.ask({ type: 'account' }, 'account') as Account
  }

  ask (order: Order, what: string): Promise<Report> {
    const report = this.#reports.next(what, PATIENCE_MS)
    this.#child.send(order)
    return report
  }
}

/** Connects clients, one for each user, and brings them into a room. The process inherits the loader that this one runs with. */
export async function sendTravellers (t: Pick<Test, 'after'>, order: Omit<Order & { type: 'open' }, 'type'>): Promise<Travellers> {
  const child = fork(SCRIPT)
  t.after(() => { child.kill('SIGKILL') })
  const travellers = new Travellers(child)
  await travellers.ask({ type: 'open', ...order }, 'word that all are open')
  return travellers
}
