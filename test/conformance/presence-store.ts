import type { Test } from 'tap'
import type { Broker } from '../../src/core/broker.ts'
import type { PresenceEntry } from '../../src/core/presence-entry.ts'
import type { ConnectionLimit } from '../../src/core/presence-limit.ts'
import type { MemberEvent, NodeInfo, NodeReport, PresenceRecord, PresenceStore, Renewal } from '../../src/core/presence-store.ts'
import { claimTests } from './presence-suite/claims.ts'
import { countingTests } from './presence-suite/counting.ts'
import { endTests } from './presence-suite/end.ts'
import { graceTests } from './presence-suite/grace.ts'
import { leaseTests } from './presence-suite/leases.ts'
import { limitTests } from './presence-suite/limits.ts'
import { memberTests } from './presence-suite/members.ts'
import { nodeTests } from './presence-suite/nodes.ts'
import { ownershipTests } from './presence-suite/ownership.ts'
import { recordTests } from './presence-suite/records.ts'
import { roomTests } from './presence-suite/rooms.ts'
import { sweepTests } from './presence-suite/sweep.ts'
import { userTests } from './presence-suite/users.ts'

/** A store on a fresh backend, and the broker of the same node, by which its joins and leaves arrive. */
export interface StoreBackend {
  readonly store: PresenceStore
  /** Not started yet. */
  readonly broker: Broker
  /** Resolves when at least this much has passed on the store's clock. */
  readonly pass: (ms: number) => Promise<void>
}

/** Makes a store, and tears down by `t.after` what it stands on. */
export type MakeStore = (t: Test, options: { readonly leaseMs: number }) => Promise<StoreBackend>

export type StartStore = (t: Test, options?: { readonly leases: 'long' | 'short' }) => Promise<StoreUnderTest>

/** Long enough that no lease ends by itself within a test, short enough to wait for its end. */
const LEASE_MS = { long: 60_000, short: 1_000 } as const

/** The suite that every presence store must pass: the contract of src/core/presence-store.ts, sentence by sentence. */
export function presenceStoreConformance (t: Test, name: string, makeStore: MakeStore): void {
  const start: StartStore = async (t, { leases } = { leases: 'long' }) => {
    const leaseMs = LEASE_MS[leases]
    const under = new StoreUnderTest(await makeStore(t, { leaseMs }), leaseMs)
    t.after(() => under.store.close())
    await under.start()
    return under
  }
  t.test(`${name} keeps records`, async t => { recordTests(t, start) })
  t.test(`${name} lets only the owner remove`, async t => { ownershipTests(t, start) })
  t.test(`${name} believes in leases`, async t => { atOnce(t); leaseTests(t, start) })
  t.test(`${name} limits the connections of a user`, async t => { atOnce(t); limitTests(t, start) })
  t.test(`${name} answers about users`, async t => { atOnce(t); userTests(t, start) })
  t.test(`${name} counts joins and leaves`, async t => { countingTests(t, start) })
  t.test(`${name} lists members`, async t => { atOnce(t); memberTests(t, start) })
  t.test(`${name} lists rooms`, async t => { atOnce(t); roomTests(t, start) })
  t.test(`${name} lists nodes`, async t => { atOnce(t); nodeTests(t, start) })
  t.test(`${name} lets nodes claim the dead`, async t => { atOnce(t); claimTests(t, start) })
  t.test(`${name} lets nodes sweep the dead`, async t => { atOnce(t); sweepTests(t, start) })
  t.test(`${name} grants a grace`, async t => { atOnce(t); graceTests(t, start) })
  t.test(`${name} ends`, async t => { endTests(t, start) })
}

/** Many of these wait for the end of a lease; each has a backend of its own, so they wait together. */
function atOnce (t: Test): void {
  t.jobs = 8
}

/** In how many steps a lease's length passes while somebody keeps its lease. */
const STEPS_PER_LEASE = 4

/** A claim takes three lease lengths; the rest is for a busy machine. */
const CLAIM_STEPS = 15 * STEPS_PER_LEASE

/** A store in the words of the tests: nodes go by their id. */
export class StoreUnderTest {
  readonly store: PresenceStore
  readonly leaseMs: number
  readonly pass: (ms: number) => Promise<void>
  readonly #broker: Broker
  readonly #events: MemberEvent[] = []
  readonly #instants: number[] = []

  constructor ({ store, broker, pass }: StoreBackend, leaseMs: number) {
    this.store = store
    this.leaseMs = leaseMs
    this.pass = pass
    this.#broker = broker
  }

  async start (): Promise<void> {
    await this.#broker.start({
      onPublication: ({ at }) => { this.#instants.push(at) },
      onVolatile: () => {},
      onMemberEvent: event => { this.#events.push(event) },
      onForget: () => {},
      onResubscribed: () => {}
    })
  }

  async take (...nodeIds: string[]): Promise<void> {
    for (const nodeId of nodeIds) await this.store.takeLease(nodeNamed(nodeId), reportOf())
  }

  renew (nodeId: string, report = reportOf()): Promise<Renewal> {
    return this.store.renewLease(nodeNamed(nodeId), report)
  }

  release (nodeId: string, graceMs = 0): Promise<void> {
    return this.store.releaseLease(nodeNamed(nodeId), graceMs)
  }

  register (nodeId: string, entry: PresenceEntry, limit?: ConnectionLimit): Promise<number> {
    return this.store.register(nodeNamed(nodeId), entry, limit)
  }

  async connections (userId: string): Promise<readonly PresenceRecord[]> {
    const [answer] = await this.store.users([userId])
    return answer?.connections ?? []
  }

  async memberIds (room = 'lobby'): Promise<string[]> {
    return (await this.store.members(room)).members.map(({ userId }) => userId).sort()
  }

  /** Hears of the joins and leaves in a room from now on. */
  async listen (...rooms: string[]): Promise<void> {
    for (const room of rooms) await this.#broker.subscribe(room)
  }

  /** Every join and leave that was told until now, behind a barrier. */
  async events (): Promise<readonly MemberEvent[]> {
    await this.#broker.check()
    return this.#events
  }

  /** The same, in short: `join alice 1`. */
  async story (): Promise<string[]> {
    return (await this.events()).map(({ type, member, version }) => `${type} ${member.userId} ${version}`)
  }

  /** Publishes, and tells when the broker took it. */
  async publishedAt (): Promise<number> {
    await this.#broker.subscribe('lobby')
    await this.#broker.publish({ room: 'lobby', data: '1' })
    await this.#broker.check()
    const at = this.#instants.at(-1)
    if (at === undefined) throw new Error('what was published did not come back')
    return at
  }

  /** Resolves when every lease that was taken or renewed before the call has ended. */
  passLease (): Promise<void> {
    return this.pass(this.leaseMs)
  }

  /** A quarter of a lease passes, after which these nodes renew theirs; what each has claimed. */
  async step (...alive: string[]): Promise<string[][]> {
    await this.pass(this.leaseMs / STEPS_PER_LEASE)
    const claims: string[][] = []
    for (const nodeId of alive) {
      const renewal = await this.renew(nodeId)
      if (renewal.status === 'lost') throw new Error(`${nodeId} lost its lease`)
      claims.push([...renewal.claimed].sort())
    }
    return claims
  }

  /** A node, and others after it, renew their leases until it has claimed so many. */
  async claimsOf (claimer: string, { count = 1, alive = [] }: { count?: number, alive?: readonly string[] } = {}): Promise<string[]> {
    let claimed: string[] = []
    for (let step = 0; step < CLAIM_STEPS && claimed.length < count; step++) [claimed = []] = await this.step(claimer, ...alive)
    if (claimed.length < count) throw new Error(`${claimer} has claimed ${claimed.length} nodes of ${count}`)
    return claimed
  }

  /** Removes everything that a claimed node vouched for, and buries it. */
  async sweep (nodeId: string): Promise<void> {
    for (let entries = await this.store.entriesOf(nodeId); entries.length > 0; entries = await this.store.entriesOf(nodeId)) {
      for (const entry of entries) await this.store.remove(nodeId, entry)
    }
    await this.store.bury(nodeId)
  }
}

export function nodeNamed (nodeId: string): NodeInfo {
  return { nodeId, nodeName: `name of ${nodeId}` }
}

/** What a node tells about itself, with every field set. */
export function reportOf (fields: Partial<NodeReport> = {}): NodeReport {
  return { version: '1.2.3', startedAt: 1_000, connections: 0, rooms: 0, ...fields }
}

type EntryOf<Kind extends PresenceEntry['kind']> = Extract<PresenceEntry, { kind: Kind }>

/** A connection with every field set; what a test is about, it overrides. */
export function connectionOf (fields: Partial<EntryOf<'connection'>> = {}): EntryOf<'connection'> {
  return { kind: 'connection', connectionId: 'c1', userId: 'alice', connectedAt: 1_000, transport: 'websocket', info: null, ...fields }
}

/** A membership with every field set. */
export function memberOf (fields: Partial<EntryOf<'member'>> = {}): EntryOf<'member'> {
  return { kind: 'member', connectionId: 'c1', userId: 'alice', room: 'lobby', info: null, ...fields }
}

export function roomOf (room: string): EntryOf<'room'> {
  return { kind: 'room', room }
}
