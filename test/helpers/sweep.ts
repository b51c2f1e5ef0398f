import type { Test } from 'tap'
import { connectSoon } from './client.ts'
import type { ServerProcess } from './server-process.ts'
import { memberToken } from './token.ts'

export interface SweepOptions {
  readonly room: string
  readonly epoch: string
  /** The last offset to ask for; the first is 0. */
  readonly to: number
}

/** Subscribes since every position of an epoch in turn, and tells for each what was answered, such as `3: whole, 4 "a", 5 "b"` or `2: not whole`. */
export async function sweep (t: Pick<Test, 'after'>, node: ServerProcess, { room, epoch, to }: SweepOptions): Promise<string[]> {
  const client = await connectSoon(t, { url: node.wsUrl, token: memberToken('sweeper') })
  const answers: string[] = []
  for (let offset = 0; offset <= to; offset++) {
    const { recovered, publications = [] } = await client.subscribe(room, { since: { epoch, offset } })
    answers.push(answer(offset, recovered === true, publications as unknown as Array<{ offset: number, data: unknown }>))
    await client.unsubscribe(room)
  }
  await client.close()
  return answers
}

export interface Whole {
  /** From which position on, and up to which, nothing is missing. */
  readonly from: number
  readonly upTo: number
  /** The data that were published after the first of these positions. */
  readonly data: readonly unknown[]
}

/** What `sweep` must tell where nothing is missing after some positions, and something after every other. */
export function whole ({ from, upTo, data }: Whole, { to }: SweepOptions): string[] {
  const publications = data.map((one, index) => ({ offset: from + 1 + index, data: one }))
  return Array.from({ length: to + 1 }, (_, offset) => {
    const isWhole = offset >= from && offset <= upTo
    return answer(offset, isWhole, isWhole ? publications.slice(offset - from) : [])
  })
}

function answer (since: number, isWhole: boolean, publications: ReadonlyArray<{ readonly offset: number, readonly data: unknown }>): string {
  return [`${since}: ${isWhole ? 'whole' : 'not whole'}`, ...publications.map(({ offset, data }) => `${offset} ${JSON.stringify(data)}`)].join(', ')
}
