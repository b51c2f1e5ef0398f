import type { PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import { KEY_RETENTION_MS } from '../core/idempotency.ts'
import type { PublicationDraft } from '../core/publication.ts'
import type { HistoryPolicy } from '../core/room-policies.ts'
import { callForGood, sendGathered, type CallParts } from './redis-calls.ts'
import { encodeRest } from './redis-envelope.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import type { PublishOutcome } from './redis-scripts.ts'

/** Publications in one call, and characters in all of them but the last: Redis does nothing else meanwhile, for about a millisecond. */
const MAX_AT_ONCE = 128
const MAX_LENGTH_AT_ONCE = 262_144

export interface PublishQueueParts extends CallParts {
  readonly keys: RedisKeys
  readonly historyOf: (room: string) => HistoryPolicy
}

/** A publication that waits for the turn's end. */
interface Waiting {
  readonly draft: PublicationDraft
  readonly rest: string
  readonly resolve: (result: PublishResult) => void
  readonly reject: (error: unknown) => void
}

/** Sends what is published in one turn of the event loop at the turn's end, that of one room together and in order: a call costs more than a publication. */
export class PublishQueue {
  readonly #parts: PublishQueueParts
  #rooms = new Map<string, Waiting[]>()

  constructor (parts: PublishQueueParts) {
    this.#parts = parts
  }

  /** @throws RoomcastError `unavailable`, `outcome_unknown`, or `key_reused` */
  publish (draft: PublicationDraft): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      // The check phase follows all reads of this turn, so whatever they brought shares a call.
      if (this.#rooms.size === 0) setImmediate(this.#onTurn)
      const waiting = { draft, rest: encodeRest(draft), resolve, reject }
      const others = this.#rooms.get(draft.room)
      if (others === undefined) this.#rooms.set(draft.room, [waiting])
      else others.push(waiting)
    })
  }

  readonly #onTurn = (): void => {
    const rooms = this.#rooms
    this.#rooms = new Map()
    for (const [room, all] of rooms) for (const some of portions(all)) this.#send(room, some)
    for (const { publisher } of this.#parts.shards.all()) sendGathered(publisher)
  }

  async #send (room: string, all: readonly Waiting[]): Promise<void> {
    try {
      const [epoch, outcomes] = await this.#call(room, all)
      for (const [index, outcome] of outcomes.entries()) {
        if (isReuse(outcome)) all[index]?.reject(new RoomcastError('key_reused'))
        else all[index]?.resolve(resultOf(room, epoch, outcome))
      }
    } catch (error) {
      for (const { reject } of all) reject(error)
    }
  }

  #call (room: string, all: readonly Waiting[]): Promise<[epoch: string, outcomes: PublishOutcome[]]> {
    const { keys, historyOf } = this.#parts
    const { size, ttlMs } = historyOf(room)
    const names = [keys.roomEnd(room), keys.roomHistory(room)]
    const items: string[] = []
    for (const { draft: { volatile, idempotency }, rest } of all) {
      if (idempotency !== undefined) names.push(keys.publishKey(room, idempotency.id))
      items.push(rest, `${volatile === true ? 'v' : 'p'}${idempotency?.content ?? ''}`)
    }
    return callForGood(this.#parts, keys.roomEnd(room), (publisher, { notAfter, runId }) => publisher.roomcastPublish(
      names.length, ...names, notAfter, createId(), RETENTION_MS, keys.roomChannel(room), size, ttlMs, runId, KEY_RETENTION_MS, ...items
    ))
  }
}

/** Cuts what one room got into calls. */
function * portions (all: readonly Waiting[]): Generator<readonly Waiting[]> {
  let start = 0
  let length = 0
  for (const [index, { rest }] of all.entries()) {
    if (index - start === MAX_AT_ONCE || length > MAX_LENGTH_AT_ONCE) {
      yield all.slice(start, index)
      start = index
      length = 0
    }
    length += rest.length
  }
  yield start === 0 ? all : all.slice(start)
}

function isReuse (outcome: PublishOutcome): outcome is ['reused'] {
  return typeof outcome !== 'number' && outcome[0] === 'reused'
}

function resultOf (room: string, newEpoch: string, outcome: Exclude<PublishOutcome, ['reused']>): PublishResult {
  const duplicate = typeof outcome !== 'number'
  const [epoch, offset] = duplicate ? [outcome[1], outcome[2]] : [newEpoch, outcome]
  return offset === 0 ? { room, duplicate } : { room, epoch, offset, duplicate }
}
