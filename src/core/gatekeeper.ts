import { ask } from './ask.ts'
import { isGranted, type Action, type Claims } from './claims.ts'
import { RoomcastError } from './errors.ts'
import type { PublicationDraft } from './publication.ts'

/** The host's own say, instead of the token's `can`. */
export type Authorize = (question: { claims: Claims, action: Action, room: string }) => boolean | Promise<boolean>

/** A publication before it is published, with its data parsed, as the host judges it. */
export type OnPublish = (publication: {
  room: string
  data: unknown
  from?: PublicationDraft['from']
}) => 'accept' | 'refuse' | Promise<'accept' | 'refuse'>

/** Decides what connections and publishers may do: by the token alone, or by the host's functions where it gave some. */
export class Gatekeeper {
  readonly #authorize: Authorize | undefined
  readonly #onPublish: OnPublish | undefined

  constructor ({ authorize, onPublish }: { authorize?: Authorize | undefined, onPublish?: OnPublish | undefined } = {}) {
    this.#authorize = authorize
    this.#onPublish = onPublish
  }

  /**
   * Whether claims allow an action in a room.
   * @throws RoomcastError `room_forbidden`, also where the host's function throws or does not answer in time
   */
  async assertAllowed (claims: Claims, action: Action, room: string): Promise<void> {
    const authorize = this.#authorize
    const isAllowed = authorize === undefined
      ? isGranted(claims, action, room)
      : await ask(() => authorize({ claims, action, room }), cause => new RoomcastError('room_forbidden', { cause }))
    if (isAllowed !== true) throw new RoomcastError('room_forbidden')
  }

  /** Whether the host has a say about publications. */
  get judgesPublications (): boolean { return this.#onPublish !== undefined }

  /**
   * Whether the host accepts a publication.
   * @throws RoomcastError `publication_refused`, also where the host's function throws or does not answer in time
   */
  async assertAccepted ({ room, data, from }: PublicationDraft): Promise<void> {
    const onPublish = this.#onPublish
    if (onPublish === undefined) return
    const publication = { room, data: JSON.parse(data) as unknown, ...from && { from } }
    const answer = await ask(() => onPublish(publication), cause => new RoomcastError('publication_refused', { cause }))
    if (answer !== 'accept') throw new RoomcastError('publication_refused')
  }
}
