import type { FetchLike } from './web-platform.ts'

const PROBE_MS = 5_000

/**
 * Why an attempt to connect was refused, which a WebSocket does not tell: the status that the same address answers without an upgrade;
 * undefined if it does not answer either.
 */
export async function probe (fetch: FetchLike, url: string, token: string): Promise<number | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>(resolve => { timer = setTimeout(() => { resolve(undefined) }, PROBE_MS) })
  try {
    const answer = await Promise.race([fetch(url.replace(/^ws/, 'http'), { headers: { authorization: `Bearer ${token}` } }), late])
    return answer?.status
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
