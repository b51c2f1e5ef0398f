import type { Test } from 'tap'
import type { Position } from '../../src/core/publication.ts'
import { connect, type TestClient } from './client.ts'
import { outcomeOf, publishTo, type Outcome } from './outcomes.ts'
import type { ServerProcess } from './server-process.ts'
import { memberToken } from './token.ts'

export interface Answer {
  /** Such as `frame node-1`. */
  readonly way: string
  readonly outcome: Outcome
}

type Publish = (data: string) => Promise<Partial<Position>>

/** Publishers on every node, so many over REST and as many by frames, that all publish at once. Made by `gatherCrowd`. */
export class Crowd {
  /** What they were answered so far. */
  readonly answers: Answer[] = []
  readonly #publishers: ReadonlyArray<{ readonly way: string, readonly publish: Publish }>
  #count = 0

  constructor (room: string, size: number, clients: ReadonlyMap<ServerProcess, readonly TestClient[]>) {
    this.#publishers = Array.from(clients, ([node, frames]) => [
      ...Array.from({ length: size }, () => ({ way: `rest ${node.name}`, publish: (data: string) => publishTo(node, room, data) })),
      ...frames.map(client => ({ way: `frame ${node.name}`, publish: (data: string) => client.publish(room, data) }))
    ]).flat()
  }

  get ways (): string[] { return [...new Set(this.#publishers.map(({ way }) => way))] }

  /** Everyone publishes something of its own; resolves with all the answers. */
  publish (label: string): Promise<Answer[]> {
    return Promise.all(this.#publishers.map(async ({ way, publish }) => {
      const data = `${label}: ${way} ${++this.#count}`
      const answer = { way, outcome: await outcomeOf(data, publish(data)) }
      this.answers.push(answer)
      return answer
    }))
  }

  /** The data that were answered with a code, or published where it is undefined. */
  data (code: string | undefined): string[] {
    return dataOf(this.answers, code)
  }
}

/** The data that were answered with a code, or published where it is undefined. */
export function dataOf (answers: readonly Answer[], code: string | undefined): string[] {
  return answers.flatMap(({ outcome }) => outcome.code === code ? [outcome.data] : [])
}

/** Connects so many clients to each node. */
export async function gatherCrowd (t: Pick<Test, 'after'>, nodes: readonly ServerProcess[], room: string, size: number): Promise<Crowd> {
  const names = Array.from({ length: size }, (_, index) => `publisher-${index}`)
  const clients = new Map<ServerProcess, TestClient[]>()
  for (const node of nodes) clients.set(node, await Promise.all(names.map(name => connect(t, { url: node.wsUrl, token: memberToken(name) }))))
  return new Crowd(room, size, clients)
}
