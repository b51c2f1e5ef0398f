import { isDeepStrictEqual } from 'node:util'

const POLL_MS = 20

/**
 * Asks again and again until the answer is the one wanted, for what nobody announces: Redis' own lists, presence after a close.
 * Where it never comes, the failure says what was seen last.
 */
export async function until<T> (what: string, wanted: T, ask: () => T | Promise<T>, ms = 3_000): Promise<T> {
  const deadline = Date.now() + ms
  for (;;) {
    const seen = await ask()
    if (isDeepStrictEqual(seen, wanted)) return seen
    if (Date.now() > deadline) {
      throw new Error(`${what}: wanted ${JSON.stringify(wanted)} within ${ms} ms, last saw ${JSON.stringify(seen)}`)
    }
    await new Promise(resolve => { setTimeout(resolve, POLL_MS) })
  }
}
