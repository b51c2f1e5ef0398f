import t from 'tap'
import { PublishRecord, type Account, type Entry } from './publish-record.ts'

const ROOM = 'lobby'

function at (offset: number, id = offset, epoch = 'first'): Entry {
  return { id, epoch, offset }
}

/** One to three were published, four may have been, and five was refused. */
function record (): PublishRecord {
  const record = new PublishRecord()
  // The answers come in another order than the offsets.
  for (const offset of [2, 1, 3]) record.note(ROOM, at(offset))
  record.noteUnknown(ROOM, 4)
  return record
}

/** What the record says of clients that received these. */
function account (...clients: ReadonlyArray<readonly Entry[]>): Account {
  return record().account(clients.map((entries, index) => ({ client: `client-${index + 1}`, room: ROOM, entries })))
}

const all = [at(1), at(2), at(3)]

t.test('each of the published once and in order is no fault, and neither is one whose outcome was unknown, for everyone', async t => {
  t.same(account(all, all), { owed: 6, delivered: 6, duplicates: 0, faults: [] })
  t.same(account([...all, at(4)], [...all, at(4)]), { owed: 8, delivered: 8, duplicates: 0, faults: [] })
})

t.test('what is missing, doubled, out of order, refused, elsewhere or not the same for all is a fault', async t => {
  const cases = [
    { title: 'the first is missing', clients: [all, [at(2), at(3)]], owed: 6, delivered: 5 },
    { title: 'the last is missing', clients: [all, [at(1), at(2)]], owed: 6, delivered: 5 },
    { title: 'nothing came', clients: [[], []], owed: 6, delivered: 0 },
    { title: 'one came twice', clients: [all, [...all, at(3)]], owed: 6, delivered: 6, duplicates: 1 },
    { title: 'two came the wrong way round', clients: [all, [at(1), at(3), at(2)]], owed: 6, delivered: 6 },
    { title: 'a refused one came', clients: [all, [...all, at(4, 5)]], owed: 6, delivered: 6 },
    { title: 'one came at another offset', clients: [all, [at(1), at(2), at(4, 3)]], owed: 6, delivered: 5 },
    { title: 'one came under another epoch', clients: [all, [at(1), at(2), at(3, 3, 'second')]], owed: 6, delivered: 5 },
    { title: 'one whose outcome was unknown came to one only', clients: [all, [...all, at(4)]], owed: 8, delivered: 7 },
    { title: 'one whose outcome was unknown came twice', clients: [[...all, at(4), at(5, 4)], [...all, at(4), at(5, 4)]], owed: 10, delivered: 10 },
    { title: 'an offset is of nobody', clients: [[...all, at(5, 4)], [...all, at(5, 4)]], owed: 8, delivered: 8 }
  ]
  for (const { title, clients, owed, delivered, duplicates = 0 } of cases) {
    const { faults, ...figures } = account(...clients)
    t.same(figures, { owed, delivered, duplicates }, title)
    t.ok(faults.length > 0, `${title}: ${faults[0] ?? 'no fault found'}`)
  }
})
