import { DeliveryBook } from './delivery-book.ts'
import { Findings } from './findings.ts'
import { MemberBook } from './member-book.ts'
import { Publishes } from './publishing.ts'

/** The independent checker's books, and the figures beside them. It shares no code with the product. */
export class Ledger {
  readonly findings: Findings
  readonly deliveries: DeliveryBook
  readonly members: MemberBook
  readonly publishes: Publishes
  readonly counts = { come: 0, attempts: 0, connections: 0, cuts: 0, recoveries: 0, replayed: 0 }
  /** Error frames and closes, by code. */
  readonly codes = new Map<string, number>()
  readonly abuses = new Map<string, number>()
  readonly faults = new Map<string, number>()

  /** @param now the time in the plan, in milliseconds */
  constructor (now: () => number) {
    this.findings = new Findings(now)
    this.deliveries = new DeliveryBook(this.findings)
    this.members = new MemberBook(this.findings)
    this.publishes = new Publishes(this.deliveries)
  }

  recovered (count: number): void {
    this.counts.recoveries++
    this.counts.replayed += count
  }

  tally (code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
  }
}
