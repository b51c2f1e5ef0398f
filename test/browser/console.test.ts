import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { browserTest } from './chromium.ts'
import { openConsole } from './console-page.ts'
import { takePictures } from './console-pictures.ts'

const READER = 'a-key-for-tests-that-may-not-disconnect-any'
const cluster = await startCluster(t, {
  nodes: 0,
  env: { CONSOLE: 'true', API_KEYS: `olga:${API_KEY},reader:${READER}:console+nodes:read+presence:read+rooms:read` }
})
const [north, south] = await Promise.all(['north', 'south'].map(NODE_NAME => cluster.start({ NODE_NAME })))
if (north === undefined || south === undefined) throw new Error('there are no nodes')

browserTest('a developer makes a token, connects, and sees what goes by in a room, and who comes and goes', async (t, browser) => {
  const alice = await openConsole(t, browser, { url: north.url, half: 'developer' })
  await alice.connect('alice', JWT_SECRET)
  await alice.part('Connection').getByText('north', { exact: true }).waitFor()
  await alice.seesFrame('received', 'welcome', '"userId":"alice"')
  await alice.subscribe('talk')
  await alice.seesMembers('talk', 'alice')

  await alice.publish('talk', { text: '<b>hello</b>' })
  await alice.part('Publish').getByText('Published in talk, offset 1').waitFor()
  await alice.seesFrame('sent', 'publish', '<b>hello</b>')
  await alice.seesFrame('received', 'message', '<b>hello</b>')

  const bob = await connect(t, { url: south.wsUrl, token: memberToken('bob') })
  await bob.subscribe('talk')
  await alice.seesFrame('received', 'join', '"userId":"bob"')
  await alice.seesMembers('talk', 'alice', 'bob')
  await bob.close()
  await alice.seesFrame('received', 'leave', '"userId":"bob"')
  await alice.seesMembers('talk', 'alice')

  await alice.part('Rooms').getByRole('button', { name: 'Unsubscribe from talk' }).click()
  await alice.seesFrame('received', 'unsubscribed', '"room":"talk"')
  await alice.part('Connection').getByRole('button', { name: 'Close' }).click()
  await until('alice offline', false, async () => (await north.presence('alice')).online)
  t.same(alice.complaints, [])
})

browserTest('what is refused is said where it was asked for, and rooms that the server subscribes are shown too', async (t, browser) => {
  const carol = await openConsole(t, browser, { url: north.url, half: 'developer' })
  await carol.page.getByLabel('Token', { exact: true }).fill(token({ sub: 'carol', rooms: ['hall'] }))
  await carol.page.getByRole('button', { name: 'Connect', exact: true }).click()
  await carol.page.getByRole('button', { name: 'Unsubscribe from hall' }).waitFor()
  await carol.part('Rooms').getByRole('textbox', { name: 'Room' }).fill('secret')
  await carol.part('Rooms').getByRole('button', { name: 'Subscribe', exact: true }).click()
  const refusal = 'The token does not allow this in this room'
  await carol.part('Rooms').getByText(refusal).waitFor()
  await carol.publish('hall', 1)
  await carol.part('Publish').getByText(refusal).waitFor()
  await carol.part('Publish').getByLabel('Data').fill('hello')
  await carol.part('Publish').getByRole('button', { name: 'Publish' }).click()
  await carol.part('Publish').getByText('This is not JSON').waitFor()
  t.same(carol.complaints, [])
})

browserTest('the log of frames keeps the newest 500, can be filtered, held still and cleared', async (t, browser) => {
  const dave = await openConsole(t, browser, { url: north.url, half: 'developer' })
  await dave.page.getByLabel('Token', { exact: true }).fill(memberToken('dave', { rooms: ['busy'] }))
  await dave.page.getByRole('button', { name: 'Connect', exact: true }).click()
  await dave.page.getByRole('button', { name: 'Unsubscribe from busy' }).waitFor()
  const publishes = Array.from({ length: 600 }, (_, number) => ({ room: 'busy', data: `number ${number}` }))
  t.equal((await north.post('/publish/batch', JSON.stringify({ publishes }))).status, 200)
  await dave.seesFrame('received', 'message', 'number 599')
  const lines = dave.page.locator('#frames li')
  t.equal(await lines.count(), 500)
  await dave.page.getByLabel('Filter frames').fill('number 59')
  t.equal(await dave.page.locator('#frames li:visible').count(), 10)
  await dave.page.getByLabel('Filter frames').fill('')

  await dave.page.getByRole('button', { name: 'Pause' }).click()
  await dave.page.getByRole('button', { name: 'Clear' }).click()
  await dave.publish('busy', 'meanwhile')
  await dave.part('Publish').getByText('offset 601').waitFor()
  t.equal(await lines.count(), 0)
  await dave.page.getByRole('button', { name: 'Pause' }).click()
  await dave.seesFrame('received', 'message', 'meanwhile')
  t.same(dave.complaints, [])
})

browserTest('an operator sees the nodes and their rates, finds a user in a room, and disconnects it', async (t, browser) => {
  const erin = await connect(t, { url: south.wsUrl, token: memberToken('erin') })
  await erin.subscribe('desk')
  const olga = await openConsole(t, browser, { url: north.url, half: 'operator' })
  await olga.page.getByLabel('API key').fill('a-key-that-this-service-does-not-know-at-all')
  await olga.press('Enter')
  await olga.page.getByText('A valid token or API key is required').waitFor()
  await olga.enter(API_KEY)
  await olga.page.getByText('key:olga').waitFor()
  const nodes = olga.part('Nodes').getByRole('rowheader')
  await until('the nodes', ['north', 'south'], async () => (await nodes.allTextContents()).sort())

  await olga.part('Rooms').getByRole('button', { name: 'desk' }).click()
  await olga.part('Rooms').getByRole('button', { name: 'erin' }).click()
  const user = olga.part('User')
  await user.getByText('online', { exact: true }).waitFor()
  await user.getByRole('listitem').filter({ hasText: 'south' }).filter({ hasText: erin.welcome.connectionId }).waitFor()

  await user.getByText('Put into a room').click()
  await user.getByLabel('Room').fill('queue')
  await user.getByRole('button', { name: 'Subscribe', exact: true }).click()
  t.match(await erin.inbox.next('the room that it was put into'), { type: 'subscribed', room: 'queue' })
  await user.getByText('Told 1 connection to subscribe').waitFor()

  const publish = () => north.publish({ room: 'desk', data: 1 })
  await until('a rate of publications', true, async () => {
    await publish()
    return /^[1-9]/.test(await olga.page.locator('.chart').filter({ hasText: 'Publications' }).locator('output').textContent() ?? '')
  }, 8_000)

  await user.getByRole('button', { name: 'Disconnect all connections of erin' }).click()
  const dialog = olga.page.getByRole('dialog')
  await dialog.getByLabel('Reason').fill('bye')
  await dialog.getByRole('button', { name: 'Disconnect' }).click()
  t.match(await erin.closed, { code: 4403, reason: 'bye' })
  await user.getByText('offline', { exact: true }).waitFor()
  t.match(await north.presence('erin'), { online: false })
  t.same(olga.complaints.filter(text => !/\b401\b/.test(text)), [])
})

browserTest('a key that lacks a scope sees what it may, and is told what it may not', async (t, browser) => {
  const rita = await openConsole(t, browser, { url: north.url, half: 'operator' })
  await rita.enter(READER)
  await rita.part('Nodes').getByRole('rowheader', { name: 'south' }).waitFor()
  await rita.page.getByText('There are no rates: The credential lacks the scope that this needs').waitFor()
  await rita.page.reload()
  await rita.part('Nodes').getByRole('rowheader', { name: 'south' }).waitFor()
  await rita.page.getByRole('button', { name: 'Forget the key' }).click()
  await rita.page.getByLabel('API key').waitFor()
  t.equal(await rita.page.evaluate(() => JSON.stringify(Object.values((globalThis as unknown as { sessionStorage: object }).sessionStorage))), '[]')
})

browserTest('both halves can be used without a mouse', async (t, browser) => {
  const frank = await openConsole(t, browser, { url: north.url, half: 'developer' })
  await frank.tabTo('Skip to the content')
  await frank.press('?')
  await frank.page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await frank.press('Escape')
  await frank.tabTo('Token')
  await frank.write(memberToken('frank'))
  await frank.tabTo('Connect')
  await frank.press('Enter')
  await frank.part('Connection').getByText('open', { exact: true }).waitFor()
  await frank.press('r')
  await frank.write('keys')
  await frank.press('Enter')
  await frank.page.getByRole('button', { name: 'Unsubscribe from keys' }).waitFor()
  await frank.tabTo('To room')
  await frank.write('keys')
  await frank.press('Escape', 'm', 'Control+A')
  await frank.write('"by hand"')
  await frank.press('Control+Enter')
  await frank.seesFrame('received', 'message', '"by hand"')

  await frank.press('Escape', 'o')
  await until('the focus', 'API key, or token with scopes', () => frank.focused())
  await frank.write(API_KEY)
  await frank.press('Enter')
  await frank.part('Nodes').waitFor()
  await frank.press('Escape', 'u')
  await frank.write('frank')
  await frank.press('Enter')
  await frank.part('User').getByText('online', { exact: true }).waitFor()
  await frank.tabTo('Disconnect all connections of frank')
  await frank.press('Enter')
  await frank.tabTo('Disconnect')
  await frank.press('Enter')
  await frank.part('User').getByText('offline', { exact: true }).waitFor()
  await frank.press('Escape', 'd')
  await frank.part('Connection').getByText('closed', { exact: true }).waitFor()
  await frank.seesFrame('received', 'message', 'by hand')
  t.same(frank.complaints, [])
})

browserTest('axe finds nothing that keeps anybody from using the page, light or dark', async (t, browser) => {
  const grace = await openConsole(t, browser, { url: north.url, half: 'developer' })
  t.same(await grace.obstacles(), [], 'before a connection')
  await grace.connect('grace', JWT_SECRET)
  await grace.subscribe('lobby')
  await grace.publish('lobby', { text: 'hello' })
  await grace.seesFrame('received', 'message')
  await grace.page.getByText('Make a token', { exact: true }).click()
  t.same(await grace.obstacles(), [], 'the developer\'s half')

  const olga = await openConsole(t, browser, { url: south.url, half: 'operator' })
  t.same(await olga.obstacles(), [], 'before a key')
  await olga.enter(API_KEY)
  await olga.find('grace')
  await olga.part('User').getByText('Put into a room').click()
  await olga.part('Rooms').getByRole('button', { name: 'lobby' }).click()
  await olga.part('Rooms').getByRole('heading', { name: 'Members of lobby' }).waitFor()
  t.same(await olga.obstacles(), [], 'the operator\'s half')
  await olga.part('User').getByRole('button', { name: 'Disconnect all connections of grace' }).click()
  t.same(await olga.obstacles(), [], 'the question before a disconnect')
  await olga.page.getByRole('button', { name: 'Cancel' }).click()
  await olga.page.getByRole('button', { name: 'Keys' }).click()
  t.same(await olga.obstacles(), [], 'the keys')
})

if (process.env['CONSOLE_PICTURES'] !== undefined) {
  browserTest('pictures for the docs', (t, browser) => takePictures(t, browser, [north, south]))
}

t.end()
