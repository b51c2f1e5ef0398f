import type { Test } from 'tap'
import type { Member } from '../../../src/core/presence-store.ts'
import { ROOM_NAMES } from '../broker-suite/rooms.ts'
import { memberOf, type StartStore } from '../presence-store.ts'
import { INFOS, USER_IDS } from './records.ts'

/** **Members**: what is a join, what is a leave, and how they are counted. */
export function countingTests (t: Test, start: StartStore): void {
  t.test('the first entry of a user is a join and the last a leave, whichever nodes wrote them', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf({ connectionId: 'c1', info: { name: 'Alice' } }))
    await under.register('n2', memberOf({ connectionId: 'c2', info: 'later' }))
    await under.register('n1', memberOf({ connectionId: 'c3', userId: 'bob' }))
    await under.store.remove('n1', memberOf({ connectionId: 'c1' }))
    await under.store.remove('n2', memberOf({ connectionId: 'c2' }))
    t.same(await under.story(), ['join alice 1', 'join bob 2', 'leave alice 3'])
    const events = await under.events()
    t.match(events[0], { room: 'lobby', member: { userId: 'alice', info: { name: 'Alice' } } })
    t.match(events[2], { room: 'lobby', member: { userId: 'alice', info: { name: 'Alice' } } }, 'a leave shows who joined')
    t.equal(new Set(events.map(({ epoch }) => epoch)).size, 1)
    t.match(await under.store.members('lobby'), { epoch: events[0]?.epoch, version: 3, members: [{ userId: 'bob' }] })
  })

  t.test('an entry written again, also by another owner, is no event', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf())
    const before = await under.store.members('lobby')
    await under.register('n1', memberOf())
    await under.register('n2', memberOf())
    await under.register('n1', memberOf())
    await under.register('n2', memberOf())
    t.same(await under.story(), ['join alice 1'])
    t.same(await under.store.members('lobby'), before)
    await under.store.remove('n2', memberOf())
    t.same(await under.story(), ['join alice 1', 'leave alice 2'], 'the last owner ends it')
  })

  t.test('a removal by another owner, or of what is gone, does nothing', async t => {
    const under = await start(t)
    await under.take('n1', 'n2', 'n12')
    await under.listen('lobby')
    await under.register('n12', memberOf())
    for (const nodeId of ['n1', 'n2', 'n', '']) await under.store.remove(nodeId, memberOf())
    await under.store.remove('n12', memberOf({ connectionId: 'c2' }))
    t.same(await under.story(), ['join alice 1'])
    for (const nodeId of ['n12', 'n12', 'n1']) await under.store.remove(nodeId, memberOf())
    t.same(await under.story(), ['join alice 1', 'leave alice 2'])
  })

  t.test('an entry of an owner without a lease is refused, and is no event', async t => {
    const under = await start(t)
    await under.listen('lobby')
    await t.rejects(under.register('n1', memberOf()), { code: 'unavailable' })
    t.same(await under.story(), [])
    t.same(await under.memberIds(), [])
  })

  t.test('of many entries and removals at once exactly one is a join, and one a leave', async t => {
    const under = await start(t)
    await under.take('n0', 'n1', 'n2')
    await under.listen('lobby')
    const entries = Array.from({ length: 30 }, (_, index) => memberOf({ connectionId: `c${index}` }))
    await Promise.all(entries.map((entry, index) => under.register(`n${index % 3}`, entry)))
    t.same(await under.story(), ['join alice 1'])
    await Promise.all(entries.map((entry, index) => under.store.remove(`n${index % 3}`, entry)))
    t.same(await under.story(), ['join alice 1', 'leave alice 2'])
  })

  t.test('the snapshot at a version is what the events up to it made', async t => {
    const under = await start(t)
    await under.take('n0', 'n1')
    await under.listen('lobby')
    await under.register('n0', memberOf({ connectionId: 'stays', userId: 'stays' }))
    const made = new Map<string, Member>()
    let told = 0
    for (let step = 0; step < 80; step++) {
      const which = (step * 7 + Math.floor(step / 5) * 3) % 8
      const entry = memberOf({ connectionId: `c${which}`, userId: `user ${which % 3}`, info: `info of ${which % 3}` })
      if (step % 3 === 2) await under.store.remove(`n${step % 2}`, entry)
      else await under.register(`n${step % 2}`, entry)

      const { version, members } = await under.store.members('lobby')
      const events = await under.events()
      for (const { type, member } of events.slice(told)) {
        if (made.has(member.userId) === (type === 'join')) t.fail(`${type} ${member.userId} twice`)
        if (type === 'join') made.set(member.userId, member)
        else made.delete(member.userId)
      }
      told = events.length
      if (version !== told) t.fail(`version ${version} after ${told} events`)
      if (JSON.stringify(sorted(members)) !== JSON.stringify(sorted([...made.values()]))) t.fail(`step ${step}: another list`)
    }
    const events = await under.events()
    t.ok(events.length > 10, `there was something to count: ${events.length}`)
    t.same(events.map(({ version }) => version), events.map((_, index) => index + 1), 'consecutive')
  })

  t.test('no two events of a room have the same epoch and version, also after it was empty', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.listen('lobby')
    for (let round = 0; round < 5; round++) {
      await under.register('n1', memberOf())
      await under.store.remove('n1', memberOf())
    }
    const events = await under.events()
    t.same(events.map(({ type }) => type), Array.from({ length: 10 }, (_, index) => index % 2 === 0 ? 'join' : 'leave'))
    t.equal(new Set(events.map(({ epoch, version }) => `${epoch} ${version}`)).size, 10)
  })

  t.test('only who is subscribed to the room hears of it, and each room counts for itself', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.listen('lobby')
    await under.register('n1', memberOf({ room: 'attic' }))
    await under.register('n1', memberOf({ room: 'lobby' }))
    t.match(await under.events(), [{ room: 'lobby', version: 1 }])
    t.equal((await under.events()).length, 1)
    t.same([await under.memberIds('attic'), await under.memberIds('lobby')], [['alice'], ['alice']])
  })

  t.test('rooms, users and info of any kind come as they were', async t => {
    const under = await start(t)
    await under.take('n1')
    const rooms = ROOM_NAMES.filter((_, index) => index % 2 === 0)
    await under.listen(...rooms)
    const entries = USER_IDS.map((userId, index) => memberOf({
      userId, connectionId: `c${index}`, room: rooms[index % rooms.length] ?? '', info: INFOS[index % INFOS.length]
    }))
    for (const entry of entries) await under.register('n1', entry)
    for (const entry of entries) await under.store.remove('n1', entry)
    const events = await under.events()
    // Between rooms no order is promised.
    const wanted = entries.map(({ room, userId, info }) => JSON.stringify({ room, member: { userId, info } })).sort()
    for (const type of ['join', 'leave'] as const) {
      const told = events.filter(event => event.type === type).map(({ room, member: { userId, info } }) => JSON.stringify({ room, member: { userId, info } }))
      t.strictSame(told.sort(), wanted, type)
    }
  })
}

function sorted (members: readonly Member[]): Member[] {
  return members.map(({ userId, info }) => ({ userId, info })).sort((a, b) => a.userId < b.userId ? -1 : 1)
}
