import { isUtf8 } from 'node:buffer'
import { closeCodes } from '../../src/core/close-codes.ts'
import { errors, type ErrorCode } from '../../src/core/errors.ts'
import type { MessagesCase } from './case.ts'
import { MAX_FRAME_BYTES } from './message-cases.ts'
import type { HttpAnswer } from './peer.ts'
import type { ReadFrame } from './protocol.ts'
import type { Answers } from './routes.ts'

/** Keys of an error's body, in the order of the alphabet. */
const BODY_KEYS = 'code,error,message,statusCode'

/** @throws Error that says what is wrong with an answer, whatever was asked */
export function checkAnswer ({ status, headers, body }: HttpAnswer, { answers, method }: { readonly answers?: Answers | undefined, readonly method?: string }): void {
  const what = `${status} ${body.slice(0, 500)}`
  if (status >= 500) throw new Error(`an answer is an error of the server's: ${what}`)
  if (answers?.has(status) === false && !isUnread(status, headers)) throw new Error(`the route's description has no such answer: ${what}`)
  const isJson = headers.get('content-type')?.startsWith('application/json') === true
  if (status < 400) {
    if (isJson && method !== 'HEAD') JSON.parse(body)
  } else if (!(method === 'HEAD' || isRefusedByHttp(status, headers, body))) {
    const code = checkError(status, isJson ? JSON.parse(body) as unknown : undefined, what)
    if (answers?.get(status)?.includes(code) === false && !isUnread(status, headers)) throw new Error(`the route's description has no such error: ${what}`)
  }
}

/** The code of an error whose body is as it should be. */
function checkError (status: number, body: unknown, what: string): string {
  if (typeof body !== 'object' || body === null || Object.keys(body).sort().join() !== BODY_KEYS) throw new Error(`an error's body is not the documented one: ${what}`)
  const { statusCode, code } = body as { statusCode: number, code: string }
  if (!Object.hasOwn(errors, code) || errors[code as ErrorCode].statusCode !== status || statusCode !== status) throw new Error(`an error is not of the table: ${what}`)
  return code
}

/** What could not be read as HTTP, in time or at all, reaches no route, whatever it names. */
function isUnread (status: number, headers: ReadonlyMap<string, string>): boolean {
  return [400, 408, 431].includes(status) && headers.get('connection') === 'close'
}

/** Node itself answers a request without Host (RFC 9112 §3.2) and an unknown Expect (RFC 9110 §10.1.1), with nothing but a status. */
function isRefusedByHttp (status: number, headers: ReadonlyMap<string, string>, body: string): boolean {
  return body === '' && (isUnread(status, headers) || status === 417)
}

/** @throws Error if a connection was closed for what its messages do not justify */
export function checkClose (code: number | undefined, { messages }: MessagesCase, last: ReadFrame | undefined): void {
  const isJustified = (): boolean => {
    switch (code) {
      case closeCodes.badFrames.code: return messages.some(({ isMutated }) => isMutated) && last?.type === 'error' && last.code === 'frame_invalid'
      case closeCodes.tooBig.code: return messages.some(({ payload }) => payload.length > MAX_FRAME_BYTES)
      // RFC 6455 §8.1.
      case 1007: return messages.some(({ payload, format }) => format === 'text' && !isUtf8(payload))
      default: return false
    }
  }
  if (!isJustified()) throw new Error(`the connection was closed with ${code} after ${JSON.stringify(last)?.slice(0, 300)}`)
}

/** @throws Error if a connection that lives has not answered each message that has an `id`, and nothing else, with that id */
export function checkReplies ({ messages, path }: MessagesCase, frames: readonly ReadFrame[]): void {
  const requests = messages.map(({ payload }) => JSON.parse(payload.toString().replace(/^\ufeff/, '')) as ReadFrame)
  // Where one was announced, the first frame is answered by the welcome if it is a resume.
  if (path.endsWith('?resume=1') && requests[0]?.type === 'resume') requests.shift()
  const wanted = idsOf(requests)
  const seen = idsOf(frames)
  if (wanted !== seen) throw new Error(`requests with the ids ${wanted.slice(0, 500)} were answered with the ids ${seen.slice(0, 500)}`)
}

function idsOf (frames: readonly ReadFrame[]): string {
  return JSON.stringify(frames.flatMap(({ id }) => id === undefined ? [] : [JSON.stringify(id)]).sort())
}

/** Closes that a peer that breaks the protocol may be given: for that, or its own code again. */
const brokenCloses = [1000, 1001, 1002, 1007, 1009, 1011, 3000, 4000, 4400, 4999, undefined]

/** @throws Error if bytes that are anything ended with a close that says something else */
export function checkBrokenClose (code: number | undefined): void {
  if (!brokenCloses.includes(code)) throw new Error(`the connection was closed with ${code}`)
}
