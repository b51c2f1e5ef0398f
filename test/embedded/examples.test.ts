import t from 'tap'
import { startProxy } from '../client/tcp-proxy.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { LINE_MS, logIn, runExample, startChat } from '../helpers/example.ts'
import { API_KEY, startServer } from '../helpers/server-process.ts'
import { token } from '../helpers/token.ts'
import { refusal } from './host.ts'

t.test('the embedded example serves clients, asks its functions, and tells who came and went', async t => {
  const { lines, child, end } = await runExample(t, 'embedded', '0')
  const url = (await lines.next('the address', LINE_MS)).replace('listening at ', '')
  const wsUrl = `${url.replace('http', 'ws')}/realtime/ws`
  t.equal((await connectRefused(t, { url: wsUrl })).status, 401, 'who are you?')

  const bob = await connect(t, { url: `${wsUrl}?user=bob` })
  t.equal(await lines.next('word of bob', LINE_MS), 'bob connected')
  const order = await fetch(`${url}/orders/bob`, { method: 'POST' })
  t.same(await order.json(), { wasOnline: true })
  t.match(await bob.inbox.next('the order'), { type: 'message', room: '$user:bob', data: { type: 'order.placed', at: Number } })
  t.same(await (await fetch(`${url}/orders/carol`, { method: 'POST' })).json(), { wasOnline: false })

  t.match(await bob.subscribe('anything'), { type: 'subscribed' })
  t.match(await bob.publish('notes:bob', 'mine'), { type: 'published' })
  t.match(await refusal(() => bob.publish('notes:carol', 'hers')), { code: 'room_forbidden' })
  t.match(await refusal(() => bob.publish('notes:bob', 'spam')), { code: 'publication_refused' })
  await bob.close()
  t.equal(await lines.next('word of bob\'s end', LINE_MS), 'bob disconnected (1000)')

  await connect(t, { url: `${wsUrl}?user=dora` })
  t.equal(await lines.next('word of dora', LINE_MS), 'dora connected')
  child.kill('SIGTERM')
  t.same(await end(), { code: 0, said: ['dora disconnected (1001)'] })
})

t.test('the service example publishes to its client through a server, and ends by itself', async t => {
  const server = await startServer(t)
  const { end } = await runExample(t, 'service', server.url, token({ sub: 'zoë' }), API_KEY)
  const { code, said } = await end()
  t.equal(code, 0)
  t.match(said.sort(), [
    /^backend asked who is online: 200 \{"userId":"zoë","online":true,"lastSeenAt":null,"connections":\[\{.+\}\]\}$/,
    /^backend published: 200 \{"publications":\[\{"room":"\$user:zoë",.+\}\]\}$/,
    'client got message "hello zoë"',
    'client got welcome "zoë"'
  ])
  t.equal(said.length, 4)
})

t.test('the chat in a terminal tells who is there, what is said and what came late, and ends with its input', async t => {
  const server = await startChat(t)
  const proxy = await startProxy(t, server.url)
  const { lines, child, end } = await runExample(t, 'chat-terminal', 'zoë', proxy.url)
  const says = async (wanted: string): Promise<void> => { t.equal(await lines.next(wanted, LINE_MS), wanted) }
  for (const line of ['* the connection is connecting', '* the connection is open', '* here: zoë']) await says(line)
  child.stdin.write('is anybody here?\n')
  await says('zoë: is anybody here?')
  const bob = await connect(t, { url: server.wsUrl, token: await logIn(server.url, 'bob') })
  await bob.subscribe('chat')
  await says('* bob came')
  await bob.publish('chat', { text: 'I am' })
  await says('bob: I am')

  proxy.cut()
  await says('* the connection is waiting')
  child.stdin.write('are you still there?\n')
  await bob.publish('chat', { text: 'yes' })
  proxy.heal()
  // Attempts that failed until then have lines of their own.
  while (await lines.next('what came late', LINE_MS) !== 'bob: yes');
  await says('* nothing was missed; 1 came late')
  await says('* the connection is open')
  await says('zoë: are you still there?')
  await bob.close()
  await says('* bob left')
  child.stdin.end()
  t.same(await end(), { code: 0, said: ['* the connection is closed'] })
  server.child.kill('SIGTERM')
  t.same(await server.end(), { code: 0, said: [] })
})

t.test('the login of the chat gives a name a token for the chat and nothing else, and refuses what is no name', async t => {
  const { url, wsUrl } = await startChat(t)
  const bob = await connect(t, { url: wsUrl, token: await logIn(url, 'bob') })
  t.equal(bob.welcome.userId, 'bob')
  t.match(await refusal(() => bob.subscribe('staff')), { code: 'room_forbidden' })
  t.match(await refusal(() => bob.publish('staff', 'hi')), { code: 'room_forbidden' })
  for (const name of ['', 'a\nb', 'x'.repeat(33)]) await t.rejects(logIn(url, name), /400/, JSON.stringify(name))
})

t.test('the demo shows a publication at both nodes and the truth about presence, and ends by itself', async t => {
  const { end } = await runExample(t, 'demo')
  const { code, said } = await end()
  t.equal(code, 0, said.join('\n'))
  t.match(said, [
    /^two nodes share a Redis: north http:\S+, south http:\S+$/,
    /^alice is connected to north, bob to south/,
    /^a backend posts to south: 200 \{"publications":\[\{"room":"lobby",.+"offset":1\}\]\}$/,
    /^alice got it on north: \{"type":"message","room":"lobby",.*"data":"hello from a backend".*\}$/,
    /^bob got it on south: {3}\{"type":"message","room":"lobby",.*"data":"hello from a backend".*\}$/,
    /^south says who alice is: 200 \{"userId":"alice","online":true,"lastSeenAt":null,"connections":\[\{.*"nodeName":"north".*\}\]\}$/,
    'done; every process has ended'
  ])
})
