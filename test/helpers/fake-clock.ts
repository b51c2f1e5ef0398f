import { mock } from 'node:test'
import type { Test } from 'tap'

/** A clock for what takes `now` as a parameter: stands still until it is moved. */
export class FakeClock {
  #now = Date.UTC(2030, 0, 1)

  readonly now = (): number => this.#now

  advance (ms: number): void {
    this.#now += ms
  }
}

/** The process' own clock and timers, held still until they are moved, for what reads them itself. */
export class FakeTime {
  /** Moves time on, and runs the timers that fall due. */
  advance (ms: number): void {
    mock.timers.tick(ms)
  }
}

/**
 * Takes the process' clock and intervals into the test's hands; and its time-outs too where asked, which then bound no wait of
 * this test any more.
 */
export function fakeTime (t: Pick<Test, 'after'>, ...more: Array<'setTimeout'>): FakeTime {
  mock.timers.enable({ apis: ['Date', 'setInterval', ...more], now: Date.UTC(2030, 0, 1) })
  t.after(() => { mock.timers.reset() })
  return new FakeTime()
}
