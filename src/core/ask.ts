/** How long a function of the host may take to decide, in milliseconds. */
export const ASK_TIMEOUT_MS = 5_000

/**
 * Asks a function of the host, which may be async. A throw, a rejection and a late answer all count as a refusal: `onRefused` then
 * makes the error.
 */
export async function ask<Answer> (question: () => Answer | Promise<Answer>, onRefused: (cause: unknown) => Error): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`no answer within ${ASK_TIMEOUT_MS} ms`)) }, ASK_TIMEOUT_MS)
  })
  try {
    return await Promise.race([(async () => question())(), late])
  } catch (cause) {
    throw onRefused(cause)
  } finally {
    clearTimeout(timer)
  }
}
