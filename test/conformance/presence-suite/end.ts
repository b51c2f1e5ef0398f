import type { Test } from 'tap'
import { nodeNamed, recordOf, type StartStore } from '../presence-store.ts'

/** `close`. */
export function endTests (t: Test, start: StartStore): void {
  t.test('after close every call rejects with unavailable', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.close()
    const unavailable = { name: 'RoomcastError', code: 'unavailable' }
    await t.rejects(store.takeLease(nodeNamed('n2')), unavailable, 'takeLease')
    await t.rejects(store.renewLease(nodeNamed('n1')), unavailable, 'renewLease')
    await t.rejects(store.register(recordOf({ connectionId: 'c2' })), unavailable, 'register')
    await t.rejects(store.remove(recordOf()), unavailable, 'remove')
    await t.rejects(store.connections('alice'), unavailable, 'connections')
    await t.rejects(store.releaseLease('n1'), unavailable, 'releaseLease')
  })

  t.test('closing twice is closing once', async t => {
    const { store } = await start(t)
    await store.close()
    await store.close()
  })
}
