import type { Position } from '../../src/core/publication.ts'
import type { ServerProcess } from './server-process.ts'

/** What became of a publish: where it was published, or with which code it was refused. */
export type Outcome =
  | { readonly data: string, readonly position: Position, readonly code?: undefined }
  | { readonly data: string, readonly code: string, readonly position?: undefined }

/** A publish that was refused over REST. */
class RefusedError extends Error {
  readonly code: string

  constructor (code: string) {
    super(`the publish was answered ${code}`)
    this.code = code
  }
}

/** Publishes to one room over REST, as `publish` of a client does by a frame: rejects with the code of a refusal. */
export async function publishTo (node: ServerProcess, room: string, data: unknown): Promise<Position> {
  const { status, body } = await node.publish({ room, data })
  const [position] = body['publications'] as Position[] | undefined ?? []
  if (status !== 200 || position === undefined) throw new RefusedError(String(body['code']))
  return position
}

/** Waits for what becomes of a publish. What has no code is no refusal, and is thrown on. */
export async function outcomeOf (data: string, publishing: Promise<Partial<Position>>): Promise<Outcome> {
  try {
    const { epoch, offset } = await publishing
    if (epoch === undefined || offset === undefined) throw new Error(`${data} was published without a position`)
    return { data, position: { epoch, offset } }
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code !== 'string') throw error
    return { data, code }
  }
}
