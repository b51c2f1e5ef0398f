/** Waits for a promise, but no longer than a time, in milliseconds. */
export async function within (ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const elapsed = new Promise(resolve => { timer = setTimeout(resolve, ms) })
  await Promise.race([promise, elapsed])
  clearTimeout(timer)
}
