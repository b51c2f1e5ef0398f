import t from 'tap'
import { errors } from '../../src/core/errors.ts'
import { Arena } from './arena.ts'
import type { MessagesCase } from './case.ts'
import { describeCase } from './describe.ts'
import { fuzz, tell } from './fuzz.ts'
import { makeCase } from './make-case.ts'
import { checkAnswer, checkBrokenClose, checkClose, checkReplies } from './oracle.ts'
import { readServerFrame } from './protocol.ts'

/** Always the same cases: what is red here is red again. `npm run fuzz` throws others. */
const SEED = 1
const ROUND = 300
const ROUNDS = 2

const arena = await Arena.open(t)

t.test('a case is the same for the same seed and number, and another for another', async t => {
  const told = (seed: number, number: number) => describeCase(makeCase(seed, number, arena.world))
  for (let number = 0; number < 50; number++) t.equal(told(SEED, number), told(SEED, number))
  const different = new Set(Array.from({ length: 200 }, (_, number) => told(SEED + number % 2, number)))
  t.equal(different.size, 200)
})

t.test('the oracle notices what must not be', async t => {
  const headers = new Map([['content-type', 'application/json']])
  const body = (code: keyof typeof errors, more = {}) => JSON.stringify({ statusCode: errors[code].statusCode, code, error: 'x', message: 'x', ...more })
  checkAnswer({ status: 404, headers, body: body('not_found') }, {})
  for (const [what, answer] of Object.entries({
    'an error of ours': { status: 500, headers, body: body('internal') },
    'another key': { status: 404, headers, body: body('not_found', { stack: '' }) },
    'a code of another status': { status: 400, headers, body: body('not_found') },
    'no body': { status: 404, headers, body: '' },
    'no JSON': { status: 200, headers, body: '{' }
  })) t.throws(() => { checkAnswer(answer, {}) }, what)
  t.throws(() => { checkAnswer({ status: 404, headers, body: body('not_found') }, { answers: new Map([[200, []], [400, ['request_invalid']]]) }) }, 'a status that the route does not describe')
  t.throws(() => { checkAnswer({ status: 404, headers, body: body('not_found') }, { answers: new Map([[404, ['another']]]) }) }, 'a code that the route does not describe')

  const [ping, sound] = [Buffer.from('{"type":"ping","id":1}'), { format: 'text', isMutated: false }] as const
  const one: MessagesCase = { kind: 'messages', path: '/ws', token: '', isEager: true, ending: 'close', messages: [{ payload: ping, ...sound }] }
  checkReplies(one, [{ type: 'pong', id: 1 }])
  for (const replies of [[], [{ type: 'pong', id: 2 }], [{ type: 'pong', id: 1 }, { type: 'pong', id: 1 }]]) t.throws(() => { checkReplies(one, replies) }, `${replies.length} replies`)
  for (const code of [4400, 4500, 1009, 1007, undefined]) t.throws(() => { checkClose(code, one, { type: 'error', code: 'frame_invalid' }) }, `a close with ${code}`)
  for (const code of [1006, 4413, 4500]) t.throws(() => { checkBrokenClose(code) }, `a close with ${code} of broken bytes`)
  for (const text of ['{', '{"type":"pung"}', '{"type":"pong","extra":1}', '{"type":"error","code":"nonsense","message":"x"}']) t.throws(() => { readServerFrame(text) }, text)
})

t.test('P12, P15, P16, P50: fuzzed frames, bytes and requests crash nothing, hang nothing, leave nothing behind and reach no neighbour', async t => {
  const { finds, cases, frames, bodies } = await fuzz(arena, { seed: SEED, round: ROUND, isOver: ({ cases }) => cases >= ROUND * ROUNDS })
  t.same(finds.map(find => tell(arena, SEED, find)), [])
  t.ok(frames > 7_000 && bodies > 500, `${cases} cases, ${frames} frames, ${bodies} bodies`)
  t.ok(arena.neighbours.every(({ count }) => count > 20), 'the neighbours were at it all the while')
})

t.end()
