import t from 'tap'
import { matchesRoom } from '../../src/core/pattern.ts'

const MATCHES: ReadonlyArray<[pattern: string, room: string]> = [
  ['lobby', 'lobby'], ['*', 'a'], ['*', 'a:b/c d'], ['chat:*', 'chat:1'], ['chat:*', 'chat:'], ['*:1', 'chat:1'], ['chat:*:admin', 'chat:1:admin'],
  ['chat:*:admin', 'chat:a:admin:admin'], ['a*b*c', 'abc'], ['a*b*c', 'aXbYbZc'], ['**', 'a'], ['a**', 'a'], ['*a*', 'a'], ['👩*', '👩‍👩‍👧‍👦'], ['*$all', 'a$all']
]

const MISSES: ReadonlyArray<[pattern: string, room: string]> = [
  ['lobby', 'lobb'], ['lobby', 'lobby2'], ['Lobby', 'lobby'], ['', 'a'], ['chat:*', 'chat'], ['chat:*', 'achat:1'], ['*:1', 'chat:12'],
  ['chat:*:admin', 'chat:admin'], ['a*b*c', 'acb'], ['a*b*c', 'abcd'], ['?', 'a'], ['[a]', 'a'], ['.', 'a'], ['a|b', 'a'], ['a.c', 'abc']
]

t.test('a star stands for any run of characters, and everything else for itself', async t => {
  for (const [pattern, room] of MATCHES) t.equal(matchesRoom(pattern, room), true, `${pattern} matches ${room}`)
  for (const [pattern, room] of MISSES) t.equal(matchesRoom(pattern, room), false, `${pattern} does not match ${room}`)
})

t.test('no pattern matches a reserved room', async t => {
  for (const pattern of ['*', '$*', '$all', '$user:*', '$user:alice']) {
    for (const room of ['$all', '$user:alice', '$control']) t.equal(matchesRoom(pattern, room), false, `${pattern} does not match ${room}`)
  }
})

t.test('a pattern that would make a regular expression explode is answered at once', async t => {
  const began = performance.now()
  t.equal(matchesRoom('*a'.repeat(100) + '*b', 'a'.repeat(200)), false)
  t.ok(performance.now() - began < 1_000)
})
