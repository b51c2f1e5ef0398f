import type { Test } from 'tap'
import { nodeNamed, recordOf, type StartStore } from '../presence-store.ts'

/** **Ownership**. */
export function ownershipTests (t: Test, start: StartStore): void {
  t.test('the owner removes its record, and the user is offline', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.remove({ connectionId: 'c1', userId: 'alice', nodeId: 'n1' })
    t.same(await store.connections('alice'), [])
  })

  t.test('registering under another node takes the record over', async t => {
    const { store } = await start(t)
    for (const nodeId of ['n1', 'n2']) await store.takeLease(nodeNamed(nodeId))
    await store.register(recordOf({ nodeId: 'n1' }))
    await store.register(recordOf({ nodeId: 'n2' }))
    t.match(await store.connections('alice'), [{ nodeId: 'n2', nodeName: nodeNamed('n2').nodeName }])
    t.equal((await store.connections('alice')).length, 1)
  })

  t.test('a removal that names another owner does nothing', async t => {
    const { store } = await start(t)
    for (const nodeId of ['n1', 'n2']) await store.takeLease(nodeNamed(nodeId))
    await store.register(recordOf({ nodeId: 'n1' }))
    await store.register(recordOf({ nodeId: 'n2' }))
    await store.remove({ connectionId: 'c1', userId: 'alice', nodeId: 'n1' })
    t.match(await store.connections('alice'), [{ connectionId: 'c1', nodeId: 'n2' }])
  })

  t.test('an owner whose id begins like another is another', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n12'))
    await store.register(recordOf({ nodeId: 'n12' }))
    for (const nodeId of ['n1', 'n', '', 'n123']) await store.remove({ connectionId: 'c1', userId: 'alice', nodeId })
    t.match(await store.connections('alice'), [{ nodeId: 'n12' }])
  })

  t.test('removing twice is removing once, and removing what is not there is no error', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.register(recordOf({ connectionId: 'c2' }))
    await store.remove(recordOf())
    await store.remove(recordOf())
    await store.remove(recordOf({ userId: 'nobody' }))
    t.same((await store.connections('alice')).map(({ connectionId }) => connectionId), ['c2'])
  })

  t.test('what was removed can be registered again', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.remove(recordOf())
    await store.register(recordOf())
    t.equal((await store.connections('alice')).length, 1)
  })
}
