import { STATUS_CODES } from 'node:http'
import { CommandError } from './command.ts'

/** How long a server may take to answer, in milliseconds: more than any request of these commands takes where all is well. */
const ANSWER_MS = 15_000

export interface Question {
  readonly url: string
  readonly path: string
  /** An API key, or a token. */
  readonly credential: string
  /** JSON, which is posted. */
  readonly body?: string
}

export interface ServerAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Asks a server, and answers whatever it says.
 * @throws CommandError where nobody answers
 */
export async function askServer ({ url, path, credential, body }: Question): Promise<ServerAnswer> {
  try {
    const answer = await fetch(url + path, {
      headers: { authorization: `Bearer ${credential}`, ...body !== undefined && { 'content-type': 'application/json' } },
      signal: AbortSignal.timeout(ANSWER_MS),
      ...body !== undefined && { method: 'POST', body }
    })
    return { status: answer.status, text: await answer.text() }
  } catch (cause) {
    throw new CommandError(`Nobody answers at ${url}${reasonOf(cause)}: is Roomcast running there?`, { cause })
  }
}

/**
 * Asks what must be answered with 200.
 * @throws CommandError with the server's own words otherwise
 */
export async function mustAnswer (question: Question): Promise<string> {
  const { status, text } = await askServer(question)
  if (status !== 200) throw refused(status, text)
  return text
}

/** What a server refused, in its own words. */
export function refused (status: number, text: string): CommandError {
  const { code, message } = parse(text)
  const words = typeof code === 'string' && typeof message === 'string' ? `${code}: ${message}` : STATUS_CODES[status] ?? ''
  return new CommandError(`Refused with ${status} ${words}`)
}

function reasonOf (error: unknown): string {
  const { code } = (error instanceof Error ? error.cause ?? error : {}) as { code?: unknown }
  return typeof code === 'string' ? ` (${code})` : ''
}

function parse (json: string): { readonly code?: unknown, readonly message?: unknown } {
  try {
    return Object(JSON.parse(json)) as object
  } catch {
    return {}
  }
}
