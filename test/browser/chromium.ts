import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from '../helpers/until.ts'

const FINDER = fileURLToPath(new URL('../../tools/ensure-binaries.mjs', import.meta.url))
const { status, stdout } = spawnSync(process.execPath, [FINDER, '--find', 'chromium'], { encoding: 'utf8' })
const executablePath = status === 0 ? stdout.trim() : undefined

// In CI it is no excuse: there the launch fails.
const isExcused = executablePath === undefined && !process.env['CI']

/** What Chromium writes by itself into the console of a page whose network fails; 426 where it is back before the client has asked why. */
export const NETWORK_COMPLAINT = /net::ERR_|^WebSocket connection to |\b426\b/

let browser: Promise<Browser> | undefined

/** A test in a headless Chromium, one for the whole file. Skipped, saying why, where there is none. */
export function browserTest (title: string, run: (t: Test, browser: Browser) => Promise<void>): void {
  const skip = isExcused && 'there is no Chromium here; "npm test" says how to get one'
  t.test(title, { skip }, async test => run(test, await (browser ??= launch())))
}

async function launch (): Promise<Browser> {
  if (executablePath === undefined) throw new Error('there is no Chromium here: "node tools/ensure-binaries.mjs" says how to get one')
  const launched = await chromium.launch({ executablePath })
  t.after(() => launched.close())
  return launched
}

export interface OpenPage {
  readonly page: Page
  /** Errors in its console, and what nobody in the page caught, as they come. */
  readonly complaints: readonly string[]
}

/** An empty page in a profile of its own, which can go offline by itself. */
export async function openPage (t: Pick<Test, 'after'>, browser: Browser): Promise<OpenPage> {
  const context = await browser.newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })
  page.on('pageerror', error => { complaints.push(String(error)) })
  return { page, complaints }
}

/** Takes a page's network away, as a pulled cable would: Chromium holds what open connections send and get, and opens no other. */
export async function goOffline (page: Page): Promise<void> {
  await page.context().setOffline(true)
  await until('the network is gone', false, () => page.evaluate(() => fetch('/').then(() => true, () => false)))
}

export async function goOnline (page: Page): Promise<void> {
  await page.context().setOffline(false)
}
