import t from 'tap'
import { ask, ASK_TIMEOUT_MS } from '../../src/core/ask.ts'
import { fakeTime } from '../helpers/fake-clock.ts'

class Refused extends Error {}

const refuse = (cause: unknown): Error => new Refused('refused', { cause })

t.test('what the host answers is the answer, at once or later', async t => {
  t.equal(await ask(() => 'now', refuse), 'now')
  t.equal(await ask(async () => 'later', refuse), 'later')
})

t.test('a throw and a rejection are refusals, with what caused them', async t => {
  const bug = new Error('a bug of the host')
  await t.rejects(ask(() => { throw bug }, refuse), { message: 'refused', cause: bug })
  await t.rejects(ask(async () => { throw bug }, refuse), { message: 'refused', cause: bug })
})

t.test('an answer that does not come in time is a refusal', async t => {
  const time = fakeTime(t, 'setTimeout')
  let answer = (_: string): void => {}
  const outcome = ask(() => new Promise<string>(resolve => { answer = resolve }), refuse).catch((error: unknown) => error)
  time.advance(ASK_TIMEOUT_MS)
  answer('too late')
  t.match(await outcome, { message: 'refused', cause: { message: /no answer within/ } })
})

t.test('an answer just in time counts', async t => {
  const time = fakeTime(t, 'setTimeout')
  let answer = (_: string): void => {}
  const outcome = ask(() => new Promise<string>(resolve => { answer = resolve }), refuse)
  time.advance(ASK_TIMEOUT_MS - 1)
  answer('in time')
  t.equal(await outcome, 'in time')
})
