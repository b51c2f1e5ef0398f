import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import type { ClientOptions, RoomcastClient as Client, RoomHandle } from '../../client/index.ts'
import { memberToken } from '../helpers/token.ts'
import { openPage, type OpenPage } from './chromium.ts'

const DIST = new URL('../../dist/', import.meta.url)

const PAGE = `<!doctype html>
<title>A client of the library</title>
<link rel="icon" href="data:,">
<script type="module">
  import { RoomcastClient } from '/client/index.js'
  globalThis.RoomcastClient = RoomcastClient
</script>`

/** What a client told its listeners, as it came. */
export interface Told {
  readonly states: string[]
  readonly errors: string[]
  readonly messages: unknown[]
  readonly recovered: number[]
  readonly gaps: number[]
  /** The list after each change, as user ids. */
  readonly members: string[][]
}

export interface PageClientOptions {
  /** The page's, as `startSite` tells it. */
  readonly origin: string
  readonly url: string
  readonly user: string
  /** That it subscribes to, with presence. */
  readonly room: string
  /** A token that lets the user do everything, if not given. */
  readonly getToken?: () => string
}

/** A client of the library in a page. */
export interface PageClient extends OpenPage {
  readonly told: Told
  readonly publish: (data: unknown) => Promise<unknown>
}

/** What the page has in its global scope. */
interface Scope {
  readonly RoomcastClient: typeof Client
  readonly getToken: () => Promise<string>
  readonly tell: (what: keyof Told, item: unknown) => void
  room: RoomHandle
}

/** Serves a page and the built library, and nothing else. Returns its origin. */
export async function startSite (t: Pick<Test, 'after'>): Promise<string> {
  const site = createServer(async ({ url = '' }, response) => {
    const file = /^\/(client\/[\w-]+\.js)$/.exec(url)?.[1]
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file === undefined ? PAGE : await readFile(new URL(file, DIST)))
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.after(() => { site.close().closeAllConnections() })
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`
}

/** Opens a page whose client connects and subscribes. */
export async function openClient (t: Pick<Test, 'after'>, browser: Browser, options: PageClientOptions): Promise<PageClient> {
  const { origin, url, user, room, getToken = () => memberToken(user) } = options
  const { page, complaints } = await openPage(t, browser)
  const told: Told = { states: [], errors: [], messages: [], recovered: [], gaps: [], members: [] }
  await page.exposeFunction('tell', (what: keyof Told, item: never) => { told[what].push(item) })
  await page.exposeFunction('getToken', getToken)
  await page.goto(origin)
  const settings = { backoffMs: 20, maxBackoffMs: 200, pongTimeoutMs: 1_000 }
  await page.evaluate(begin, { url, room, settings })
  return { page, complaints, told, publish: data => page.evaluate(publish, data) }
}

// What follows runs in the page, and sees nothing of this file.

interface Beginning {
  readonly url: string
  readonly room: string
  readonly settings: Partial<ClientOptions>
}

function begin ({ url, room: name, settings }: Beginning): void {
  const scope = globalThis as unknown as Scope
  const { RoomcastClient, getToken, tell } = scope
  const client = new RoomcastClient({ url, getToken, ...settings })
  const room = client.room(name)
  client.on('state', state => { tell('states', state) })
  client.on('error', ({ code }) => { tell('errors', code) })
  room.on('message', ({ data }) => { tell('messages', data) })
  room.on('recovered', count => { tell('recovered', count) })
  room.on('gap', ({ offset }) => { tell('gaps', offset) })
  room.on('members', members => { tell('members', members.map(({ userId }) => userId).sort()) })
  client.connect()
  room.subscribe({ presence: true }).catch(() => {})
  scope.room = room
}

function publish (data: unknown): Promise<unknown> {
  return (globalThis as unknown as Scope).room.publish(data)
}
