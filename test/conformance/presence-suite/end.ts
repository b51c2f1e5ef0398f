import type { Test } from 'tap'
import { connectionOf, memberOf, nodeNamed, reportOf, roomOf, type StartStore } from '../presence-store.ts'

/** `close`. */
export function endTests (t: Test, start: StartStore): void {
  t.test('after close every call rejects with unavailable', async t => {
    const under = await start(t)
    const { store } = under
    await under.take('n1')
    await under.register('n1', connectionOf())
    await store.close()
    const calls = {
      takeLease: () => store.takeLease(nodeNamed('n2'), reportOf()),
      renewLease: () => store.renewLease(nodeNamed('n1'), reportOf()),
      releaseLease: () => store.releaseLease(nodeNamed('n1'), 0),
      'register connection': () => under.register('n1', connectionOf({ connectionId: 'c2' })),
      'register member': () => under.register('n1', memberOf()),
      'register room': () => under.register('n1', roomOf('lobby')),
      remove: () => store.remove('n1', connectionOf()),
      entriesOf: () => store.entriesOf('n1'),
      bury: () => store.bury('n1'),
      users: () => store.users(['alice']),
      connection: () => store.connection('c1'),
      members: () => store.members('lobby'),
      membersPage: () => store.membersPage('lobby', '', 1),
      occupancy: () => store.occupancy('lobby'),
      rooms: () => store.rooms('', '', 1),
      nodes: () => store.nodes()
    }
    for (const [name, call] of Object.entries(calls)) await t.rejects(async () => { await call() }, { name: 'RoomcastError', code: 'unavailable' }, name)
  })

  t.test('closing twice is closing once', async t => {
    const { store } = await start(t)
    await store.close()
    await store.close()
  })
}
