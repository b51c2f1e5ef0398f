import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { until } from '../helpers/until.ts'
import { openPage } from './chromium.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PATIENCE_MS = 10_000

/** What axe says of one rule. */
interface Violation {
  readonly id: string
  readonly impact: string
  readonly help: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

export type Half = 'developer' | 'operator'

/** Somebody at the console. Made by `openConsole`. */
export class ConsolePage {
  readonly page: Page
  /** Refusals of the page's policy are among them. */
  readonly complaints: readonly string[]

  constructor (page: Page, complaints: readonly string[]) {
    this.page = page
    this.complaints = complaints
  }

  /** A part of the page, by its heading. */
  part (name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  /** What has the focus, as it is called. */
  focused (): Promise<string> {
    return this.page.evaluate(() => {
      const { document } = globalThis as unknown as { document: { activeElement: { labels?: ArrayLike<{ textContent: string }>, ariaLabel: string | null, textContent: string } } }
      const { labels, ariaLabel, textContent } = document.activeElement
      return (ariaLabel ?? labels?.[0]?.textContent ?? textContent).trim()
    })
  }

  press (...keys: string[]): Promise<void> {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve())
  }

  /** Writes where the focus is. */
  write (text: string): Promise<void> {
    return this.page.keyboard.insertText(text)
  }

  /** Presses Tab until something has the focus. */
  async tabTo (name: string, key = 'Tab'): Promise<void> {
    const passed: string[] = []
    for (let presses = 0; presses < 40; presses++) {
      await this.press(key)
      const focused = await this.focused()
      if (focused === name) return
      passed.push(focused)
    }
    throw new Error(`Tab does not lead to ${name}, but past ${passed.join(', ')}`)
  }

  /** Makes a token in the page, and connects by it. */
  async connect (user: string, secret: string): Promise<void> {
    const part = this.part('Connection')
    await part.getByText('Make a token', { exact: true }).click()
    await part.getByLabel('User', { exact: true }).fill(user)
    await part.getByLabel('Secret').fill(secret)
    await part.getByRole('button', { name: 'Make token' }).click()
    await part.getByText(`Of ${user}, valid until`).waitFor()
    await part.getByText('Make a token', { exact: true }).click()
    await part.getByRole('button', { name: 'Connect', exact: true }).click()
    await part.getByText('open', { exact: true }).waitFor()
  }

  async subscribe (room: string): Promise<void> {
    const part = this.part('Rooms')
    await part.getByRole('textbox', { name: 'Room' }).fill(room)
    await part.getByRole('button', { name: 'Subscribe', exact: true }).click()
    await part.getByRole('button', { name: `Unsubscribe from ${room}` }).waitFor()
  }

  async publish (room: string, data: unknown): Promise<void> {
    const part = this.part('Publish')
    await part.getByLabel('To room').fill(room)
    await part.getByLabel('Data').fill(JSON.stringify(data))
    await part.getByRole('button', { name: 'Publish' }).click()
  }

  async seesMembers (room: string, ...members: string[]): Promise<void> {
    const list = this.page.getByLabel(`Members of ${room}`)
    await until(`the members of ${room}`, members, async () => (await list.getByRole('listitem').allTextContents()).sort(), PATIENCE_MS)
  }

  /** Waits for a frame in the log, by its direction, type, and a part of its text. */
  seesFrame (direction: 'sent' | 'received', type: string, text = ''): Promise<void> {
    return this.page.locator(`#frames li[data-direction=${direction}][data-type=${type}]`).filter({ hasText: text }).last().waitFor()
  }

  /** Opens the operator's half. */
  async enter (key: string): Promise<void> {
    await this.page.getByLabel('API key').fill(key)
    await this.page.getByRole('button', { name: 'Open', exact: true }).click()
    await this.part('Nodes').waitFor()
  }

  async find (user: string): Promise<void> {
    await this.part('User').getByLabel('User id').fill(user)
    await this.part('User').getByRole('button', { name: 'Find' }).click()
    await this.part('User').getByRole('heading', { name: user, exact: true }).waitFor()
  }

  /** What axe finds that keeps somebody from using what is shown, light and dark, as one line each. */
  async obstacles (): Promise<string[]> {
    await this.page.evaluate(AXE)
    const found: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme })
      const violations = await this.page.evaluate(() => {
        const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Violation[] }> } }
        return axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)
      })
      found.push(...violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(violation => `${colorScheme}: ${describe(violation)}`))
    }
    return found
  }
}

function describe ({ id, impact, help, nodes }: Violation): string {
  return `${id} (${impact}): ${help}: ${nodes.map(({ html }) => html).join(' ')}`
}

export interface OpenOptions {
  readonly url: string
  readonly half: Half
  readonly colorScheme?: 'light' | 'dark'
}

export async function openConsole (t: Pick<Test, 'after'>, browser: Browser, { url, half, colorScheme = 'light' }: OpenOptions): Promise<ConsolePage> {
  const { page, complaints } = await openPage(t, browser)
  page.setDefaultTimeout(PATIENCE_MS)
  await page.setViewportSize({ width: 1_280, height: 860 })
  await page.emulateMedia({ colorScheme })
  await page.goto(`${url}/console#${half}`)
  return new ConsolePage(page, complaints)
}
