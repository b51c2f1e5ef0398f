import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { API_KEY, type ServerProcess } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { openConsole } from './console-page.ts'

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const PEOPLE = ['bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy', 'mallory', 'niaj', 'olivia', 'peggy', 'rupert', 'sybil']
const ROOMS = ['chat:42', 'chat:43', 'lobby', 'orders', 'prices']
/** How long there is something to see in the charts, in steps of a quarter of a second. */
const STEPS = 320
/** Another person comes each so many steps, to each node in turn. */
const STEPS_PER_PERSON = 20

/** Renews the pictures in the docs: both halves, light and dark, of two nodes with some life on them. */
export async function takePictures (t: Test, browser: Browser, nodes: readonly [ServerProcess, ServerProcess]): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const [north] = nodes
  const schemes = ['light', 'dark'] as const
  const operators = await Promise.all(schemes.map(async colorScheme => {
    const page = await openConsole(t, browser, { url: north.url, half: 'operator', colorScheme })
    await page.enter(API_KEY)
    return page
  }))
  const developers = await Promise.all(schemes.map(async colorScheme => {
    const page = await openConsole(t, browser, { url: north.url, half: 'developer', colorScheme })
    await page.connect('alice', JWT_SECRET)
    return page
  }))
  await live(t, nodes)
  for (const [index, colorScheme] of schemes.entries()) {
    const [developer, operator] = [developers[index], operators[index]]
    if (developer === undefined || operator === undefined) return
    await developer.subscribe('lobby')
    await developer.publish('lobby', { text: 'hello' })
    await developer.seesFrame('received', 'message')
    await developer.page.screenshot({ path: `${FOLDER}console-developer-${colorScheme}.png` })
    await operator.find('alice')
    await operator.part('Rooms').getByRole('button', { name: 'lobby' }).click()
    await operator.part('Rooms').getByRole('heading', { name: 'Members of lobby' }).waitFor()
    await operator.page.screenshot({ path: `${FOLDER}console-operator-${colorScheme}.png`, fullPage: true })
  }
}

/** People come, and rooms are busier and less so. */
async function live (t: Test, nodes: readonly [ServerProcess, ServerProcess]): Promise<void> {
  for (let step = 0; step < STEPS; step++) {
    const pace = new Promise(resolve => { setTimeout(resolve, 250) })
    const index = step / STEPS_PER_PERSON
    const person = PEOPLE[index]
    if (person !== undefined) {
      const { wsUrl } = nodes[index % 2] ?? nodes[0]
      const client = await connect(t, { url: wsUrl, token: memberToken(person) })
      for (const [place, room] of ROOMS.entries()) if ((index + place) % 3 !== 0) await client.subscribe(room)
    }
    const publishes = Array.from({ length: Math.round(6 + 4 * Math.sin(step / 24) + 2 * Math.sin(step / 5)) }, (_, number) => ({ room: ROOMS[number % ROOMS.length], data: { step, number } }))
    await nodes[0].post('/publish/batch', JSON.stringify({ publishes }))
    await pace
  }
}
