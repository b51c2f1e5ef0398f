import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startProxy } from '../client/tcp-proxy.ts'
import { connect } from '../helpers/client.ts'
import { logIn, startChat } from '../helpers/example.ts'
import { until } from '../helpers/until.ts'
import { browserTest, NETWORK_COMPLAINT, openPage } from './chromium.ts'

const PATIENCE_MS = 15_000
/** More than the chat's room keeps. */
const MANY = 101

/** Somebody at a page of the chat. Made by `enter`. */
class Visitor {
  readonly page: Page
  readonly complaints: readonly string[]

  constructor (page: Page, complaints: readonly string[]) {
    this.page = page
    this.complaints = complaints
  }

  async says (text: string): Promise<void> {
    await this.page.getByLabel('Say').fill(text)
    await this.page.getByRole('button', { name: 'Send' }).click()
  }

  async seesMembers (...names: string[]): Promise<void> {
    await until('the members', names, async () => (await this.#items('Members')).sort(), PATIENCE_MS)
  }

  async seesMessages (...texts: string[]): Promise<void> {
    await until('the messages', texts, () => this.#items('Messages'), PATIENCE_MS)
  }

  async seesState (state: string): Promise<void> {
    await until('the state', `The connection is ${state}`, () => this.page.getByText('The connection is').textContent(), PATIENCE_MS)
  }

  #items (list: string): Promise<string[]> {
    return this.page.getByLabel(list).getByRole('listitem').allTextContents()
  }
}

/** Opens the chat and enters it, as a visitor does. */
async function enter (t: Pick<Test, 'after'>, browser: Browser, url: string, name: string): Promise<Visitor> {
  const { page, complaints } = await openPage(t, browser)
  // The page waits the library's own times between its attempts, which depend on chance; here it is lucky.
  await page.addInitScript(() => { Math.random = () => 0.02 })
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Enter' }).click()
  const visitor = new Visitor(page, complaints)
  await visitor.seesState('open')
  return visitor
}

browserTest('two visitors of the chat see each other, and what they say, as text', async (t, browser) => {
  const { url } = await startChat(t)
  const alice = await enter(t, browser, url, 'alice')
  await alice.seesMembers('alice')
  const bob = await enter(t, browser, url, 'bob')
  for (const visitor of [alice, bob]) await visitor.seesMembers('alice', 'bob')
  const [question, answer] = ['<b onclick="alert()">Who is here?</b>', 'I am']
  await alice.says(question)
  await bob.seesMessages(`alice: ${question}`)
  await bob.says(answer)
  for (const visitor of [alice, bob]) await visitor.seesMessages(`alice: ${question}`, `bob: ${answer}`)
  await bob.page.close()
  await alice.seesMembers('alice')
  t.same([...alice.complaints, ...bob.complaints], [])
})

browserTest('a visitor whose line is cut gets what was said meanwhile, and is told where that is too much', async (t, browser) => {
  const server = await startChat(t)
  const proxy = await startProxy(t, server.url)
  const alice = await enter(t, browser, proxy.url, 'alice')
  await alice.seesMembers('alice')
  const bob = await connect(t, { url: server.wsUrl, token: await logIn(server.url, 'bob') })
  await bob.subscribe('chat')
  await alice.seesMembers('alice', 'bob')

  proxy.cut()
  await alice.seesState('waiting')
  for (const text of ['one', 'two']) await bob.publish('chat', { text })
  await alice.says('three')
  proxy.heal()
  const first = ['bob: one', 'bob: two', 'Nothing was missed; 2 came late', 'alice: three']
  await alice.seesMessages(...first)

  proxy.cut()
  await alice.seesState('waiting')
  for (let count = 1; count <= MANY; count++) await bob.publish('chat', { text: `${count}` })
  await bob.close()
  proxy.heal()
  await alice.seesMessages(...first, 'Some messages were missed')
  await alice.seesMembers('alice')
  await alice.says('four')
  await alice.seesMessages(...first, 'Some messages were missed', 'alice: four')
  t.same(alice.complaints.filter(text => !NETWORK_COMPLAINT.test(text)), [])
})

t.test('the chat serves its page, the library and nothing beside them', async t => {
  const { url } = await startChat(t)
  const statusAndType = async (path: string): Promise<unknown[]> => {
    const { status, headers } = await fetch(url + path)
    return [status, headers.get('content-type')]
  }
  t.same(await statusAndType('/'), [200, 'text/html'])
  t.same(await statusAndType('/client/index.js'), [200, 'text/javascript'])
  for (const path of ['/client/', '/client/index.d.ts', '/client/..%2fexamples%2fchat-server.js', '/.roomcast-dev.json']) {
    t.same((await statusAndType(path))[0], 404, path)
  }
})

t.end()
