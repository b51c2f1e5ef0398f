import t from 'tap'
import { connect } from '../helpers/client.ts'
import { API_KEY, startServer, withKey } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const READER_KEY = 'a-key-that-may-only-read-presence-0123456789'
const PUBLISHER_KEY = 'a-key-that-may-only-publish-0123456789abcdef'

const server = await startServer(t, {
  env: { API_KEYS: `tests:${API_KEY},reader:${READER_KEY}:presence:read,publisher:${PUBLISHER_KEY}:publish` }
})

const userIds = [
  'ж'.repeat(64), '😀'.repeat(32), 'a'.repeat(128), 'team/alice', '/', 'a?b#c&d=e', '100%', '%2F', ' ', 'a b', '{braces}', '$all', '$user:alice',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty'
]

t.test('a user of any name can be online and be asked for', async t => {
  for (const userId of userIds) {
    t.match(await server.presence(userId), { userId, online: false, connections: [] })
    const client = await connect(t, { url: server.wsUrl, token: memberToken(userId) })
    t.equal(client.welcome.userId, userId)
    const { online, connections } = await server.presence(userId)
    t.same([online, connections.map(({ connectionId }) => connectionId)], [true, [client.connectionId]], userId)
    await server.publish({ user: userId, data: 'hello' })
    t.match(await client.inbox.next('what was sent to the user'), { type: 'message', room: `$user:${userId}`, data: 'hello' })
  }
})

t.test('a user who was never seen is offline, which is an answer and no error', async t => {
  const { status, body } = await server.get('/presence/nobody')
  t.equal(status, 200)
  t.strictSame(body, { userId: 'nobody', online: false, connections: [], lastSeenAt: null })
})

t.test('lastSeenAt is null while a user is online, and tells the end of the last connection after it', async t => {
  const before = Date.now()
  const clients = [await connect(t, { url: server.wsUrl, token: memberToken('lea') }), await connect(t, { url: server.wsUrl, token: memberToken('lea') })]
  for (const client of clients) {
    t.match(await server.presence('lea'), { online: true, lastSeenAt: null })
    await client.close()
  }
  await until('presence of lea', false, async () => (await server.presence('lea')).online)
  const { lastSeenAt } = await server.presence('lea')
  t.ok(lastSeenAt !== null && lastSeenAt >= before && lastSeenAt <= Date.now(), `it was ${lastSeenAt}`)
})

const impossible = ['a%00b', '%0A', '%7F', '%C2%85', 'a'.repeat(129), 'a'.repeat(200), encodeURIComponent('ж'.repeat(65)), encodeURIComponent('😀'.repeat(33)), '%ED%A0%80', '%FF', '%E0%A4%A']

t.test('what cannot be a user id is refused with 400', async t => {
  for (const id of impossible) {
    const { status, body } = await server.get(`/presence/${id}`)
    t.equal(status, 400, id.slice(0, 20))
    t.match(body, { statusCode: 400, code: /^(user_invalid|request_invalid)$/, error: 'Bad Request', message: String })
  }
})

t.test('only who has the scope presence:read may ask', async t => {
  const path = '/presence/alice'
  const answers = {
    200: [withKey(API_KEY), withKey(READER_KEY), withKey(token({ scope: 'presence:read' })), withKey(token({ scope: 'publish presence:read' }))],
    401: [{}, withKey(`${API_KEY}x`), { authorization: 'Bearer' }],
    403: [withKey(PUBLISHER_KEY), withKey(token()), withKey(token({ scope: 'publish' })), withKey(memberToken('alice'))]
  }
  for (const [status, credentials] of Object.entries(answers)) {
    for (const headers of credentials) {
      const answer = await server.get(path, headers)
      t.equal(answer.status, Number(status))
      if (answer.status !== 200) t.match(answer.body, { statusCode: Number(status), code: /^(unauthorized|scope_forbidden)$/, error: String, message: String })
    }
  }
})

t.end()
