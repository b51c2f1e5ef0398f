import type { Test } from 'tap'
import type { RevocationStore } from '../../src/core/revocation-store.ts'

/** A store on a fresh backend. */
export interface RevocationBackend {
  readonly store: RevocationStore
  /** The present on the store's clock, in milliseconds since 1970. */
  readonly now: () => Promise<number>
  /** Resolves when at least this much has passed on the store's clock. */
  readonly pass: (ms: number) => Promise<void>
}

/** Makes a store that keeps at most so many, and tears down by `t.after` what it stands on. */
export type MakeRevocationStore = (t: Test, options: { readonly most: number }) => Promise<RevocationBackend>

const MOST = 3
const HOUR_MS = 3_600_000

/** The suite that every revocation store must pass: the contract of src/core/revocation-store.ts, sentence by sentence. */
export function revocationStoreConformance (t: Test, name: string, makeStore: MakeRevocationStore): void {
  t.test(`${name} keeps what it was told, once`, async t => {
    const { store, now } = await makeStore(t, { most: MOST })
    t.same(await store.all(), [])
    const expiresAt = await now() + HOUR_MS
    const all = [{ user: 'a}:lice', expiresAt }, { jti: '{', issuedBefore: 5, room: 'lobby', expiresAt }]
    for (const revocation of [...all, ...all]) await store.add(revocation)
    t.same(new Set(await store.all()), new Set(all))
  })

  t.test(`${name} forgets what has expired, and nothing else`, async t => {
    const { store, now, pass } = await makeStore(t, { most: MOST })
    const start = await now()
    const long = { user: 'alice', expiresAt: start + HOUR_MS }
    await store.add({ user: 'bob', expiresAt: start + 300 })
    await store.add(long)
    await store.add({ user: 'carol', expiresAt: start - 1 })
    await pass(301)
    t.same(await store.all(), [long])
  })

  t.test(`${name} refuses what is too much until something has expired`, async t => {
    const { store, now, pass } = await makeStore(t, { most: MOST })
    const expiresAt = await now() + HOUR_MS
    const first = { user: 'user 1', expiresAt: expiresAt - HOUR_MS + 500 }
    await store.add(first)
    for (const n of [2, 3]) await store.add({ user: `user ${n}`, expiresAt })
    await t.rejects(store.add({ user: 'user 4', expiresAt }), { code: 'limit_exceeded' })
    await store.add(first)
    await pass(501)
    await store.add({ user: 'user 4', expiresAt })
    t.same(new Set((await store.all()).map(({ user }) => user)), new Set(['user 2', 'user 3', 'user 4']))
  })

  t.test(`${name} does nothing once it is closed`, async t => {
    const { store, now } = await makeStore(t, { most: MOST })
    const expiresAt = await now() + HOUR_MS
    await store.close()
    await t.rejects(store.add({ user: 'alice', expiresAt }), { code: 'unavailable' })
    await t.rejects(store.all(), { code: 'unavailable' })
  })
}
