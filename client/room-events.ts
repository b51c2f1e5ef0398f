import type { MessageFrame, ResumeFrame } from '../src/core/frames.ts'
import type { ClientError } from './client-error.ts'
import type { Member } from './member-list.ts'

export type { Member }

/** Where one stands in a room: an offset, under the epoch that names the numbering. */
export type Position = NonNullable<ResumeFrame['rooms'][number]['since']>

/** A publication, live or recovered. `skipped`: others before it were not sent, because this client was too slow for a room that sends only the newest then. */
export type RoomMessage<Data = unknown> = Omit<MessageFrame<Data>, 'type'>

/**
 * `subscribing` until the server has answered, and again whenever the connection is lost; `refused` when the server does not allow it or
 * ended it.
 */
export type RoomState = 'unsubscribed' | 'subscribing' | 'subscribed' | 'refused'

/** What a room tells its listeners, by name. */
export interface RoomEvents<Data = unknown> {
  /** A publication, in order, each once. */
  readonly message: readonly [message: RoomMessage<Data>]
  /** After a reconnect: nothing was missed, and so many publications were replayed just now. */
  readonly recovered: readonly [count: number]
  /** Publications up to this position were missed: load your state anew, and go on from here. */
  readonly gap: readonly [position: Position]
  readonly state: readonly [state: RoomState, error: ClientError | undefined]
  /** A user's first connection entered the room. */
  readonly join: readonly [member: Member]
  /** A user's last connection left it. */
  readonly leave: readonly [member: Member]
  /** The list of members changed: by a join or leave, or because it was replaced after a reconnect. */
  readonly members: readonly [members: readonly Member[]]
}
