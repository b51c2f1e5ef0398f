import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonWebKey } from 'node:crypto'
import type { Test } from 'tap'
import { Inbox } from './inbox.ts'

type Answer = (response: ServerResponse) => void

/** A service that publishes the keys of its tokens over HTTP. Made by `startIssuer`. */
export class Issuer {
  /** How often it was asked. */
  requests = 0
  /** Has an item for each question, when it comes. */
  readonly questions = new Inbox<string>()
  #server: Server | undefined
  #port = 0
  #answer: Answer = response => { response.writeHead(404).end() }

  get url (): string { return `http://127.0.0.1:${this.#port}/.well-known/jwks.json` }

  /** Answers with these keys from now on. */
  publish (...keys: ReadonlyArray<JsonWebKey | string | null>): void {
    this.answer(200, JSON.stringify({ keys }))
  }

  /** Answers with this from now on. */
  answer (status: number, body: string | Buffer, headers: Record<string, string> = {}): void {
    this.#answer = response => { response.writeHead(status, headers).end(body) }
  }

  /** Takes questions and never answers them, or never to the end. */
  hang (part?: string): void {
    this.#answer = response => { if (part !== undefined) response.writeHead(200).write(part) }
  }

  /** Holds the answers back; what it returns gives them. */
  hold (): () => void {
    const answer = this.#answer
    const waiting: ServerResponse[] = []
    this.#answer = response => { waiting.push(response) }
    return () => {
      this.#answer = answer
      for (const response of waiting) answer(response)
    }
  }

  /** Listens, where it did before if it did. */
  async start (): Promise<void> {
    this.#server = createServer((request, response) => {
      this.requests += 1
      this.questions.push(request.url ?? '')
      this.#answer(response)
    }).listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Cuts whoever asks, and refuses whoever comes. */
  async stop (): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
}

export async function startIssuer (t: Pick<Test, 'after'>): Promise<Issuer> {
  const issuer = new Issuer()
  await issuer.start()
  t.after(() => issuer.stop())
  return issuer
}
