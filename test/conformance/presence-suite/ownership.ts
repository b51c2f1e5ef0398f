import type { Test } from 'tap'
import { connectionOf, nodeNamed, type StartStore } from '../presence-store.ts'

/** **Ownership**. */
export function ownershipTests (t: Test, start: StartStore): void {
  t.test('the owner removes its record, and the user is offline', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.store.remove('n1', connectionOf())
    t.same(await under.connections('alice'), [])
  })

  t.test('registering under another node takes the record over', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    await under.register('n2', connectionOf())
    t.match(await under.connections('alice'), [nodeNamed('n2')])
    t.equal((await under.connections('alice')).length, 1)
  })

  t.test('a removal that names another owner does nothing', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    await under.register('n2', connectionOf())
    await under.store.remove('n1', connectionOf())
    t.match(await under.connections('alice'), [{ connectionId: 'c1', nodeId: 'n2' }])
  })

  t.test('an owner whose id begins like another is another', async t => {
    const under = await start(t)
    await under.take('n12')
    await under.register('n12', connectionOf())
    for (const nodeId of ['n1', 'n', '', 'n123']) await under.store.remove(nodeId, connectionOf())
    t.match(await under.connections('alice'), [{ nodeId: 'n12' }])
  })

  t.test('removing twice is removing once, and removing what is not there is no error', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.register('n1', connectionOf({ connectionId: 'c2' }))
    await under.store.remove('n1', connectionOf())
    await under.store.remove('n1', connectionOf())
    await under.store.remove('n1', connectionOf({ userId: 'nobody' }))
    t.same((await under.connections('alice')).map(({ connectionId }) => connectionId), ['c2'])
  })

  t.test('what was removed can be registered again', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.store.remove('n1', connectionOf())
    await under.register('n1', connectionOf())
    t.equal((await under.connections('alice')).length, 1)
  })
}
