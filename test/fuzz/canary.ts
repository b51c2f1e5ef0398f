import { isDeepStrictEqual } from 'node:util'
import { connect } from '../helpers/client.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const ROOM = 'canary'
const USER = 'canary'

/**
 * Does a few ordinary things and compares every key of what comes of them: an object that some case polluted would show in what a request leaves
 * out, such as `volatile`, `since` or `presence`.
 * @throws Error that names what is not as ever
 */
export async function checkCanary (server: ServerProcess): Promise<void> {
  const ends: Array<() => void> = []
  const client = await connect({ after: end => { ends.push(end as () => void) } }, { url: server.wsUrl, token: memberToken(USER) })
  const expect = (what: string, seen: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(seen, wanted)) throw new Error(`${server.name}: ${what} is not as ever: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`)
  }
  try {
    expect('live', (await server.get('/live')).body, { status: 'ok' })
    expect('ready', (await server.get('/ready')).body, { status: 'ok' })
    const { offset, epoch, ...subscribed } = await client.subscribe(ROOM)
    expect('subscribed', subscribed, { type: 'subscribed', id: 1, room: ROOM })
    const { offset: next, ...published } = await client.publish(ROOM, { a: [1, null] })
    expect('published', { ...published, next }, { type: 'published', id: 2, room: ROOM, epoch, next: offset + 1 })
    const { status, body } = await server.publish({ room: ROOM, data: '{}' })
    expect('POST /publish', { status, body }, { status: 200, body: { publications: [{ room: ROOM, epoch, offset: offset + 2, duplicate: false }] } })
    expect('GET /presence', await server.presence('nobody at all'), { userId: 'nobody at all', online: false, lastSeenAt: null, connections: [] })
    const { publications, ...page } = await client.history(ROOM, { since: { epoch, offset } })
    expect('history', page, { type: 'history', id: 3, room: ROOM, epoch, offset: offset + 2, more: false })
    expect('what was published', publications.map(({ data }) => data), [{ a: [1, null] }, '{}'])
    await client.unsubscribe(ROOM)
    const closure = await client.close()
    expect('close', closure.code, 1000)
  } finally {
    for (const end of ends) end()
  }
}
