import type { Broker, PublishResult } from './broker.ts'
import { RoomcastError, type ErrorCode } from './errors.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import type { Meters } from './meters.ts'
import { userOf } from './names.ts'
import type { PublicationDraft } from './publication.ts'

export interface PublisherParts {
  readonly gatekeeper: Gatekeeper
  readonly broker: Broker
  readonly meters: Meters
}

/** One room that was published to; `user` where it is the personal room of one. */
export type Published = PublishResult & { readonly user?: string }

/** What publishing to one of several rooms came to. */
export type PublishOutcome = Published | { readonly room: string, readonly user?: string, readonly code: ErrorCode }

/** Publishing to several rooms failed in some of them: the same again, under the same key, completes the rest. */
export class PartlyPublishedError extends RoomcastError {
  /** One for each room, in the order named. */
  readonly outcomes: readonly PublishOutcome[]

  constructor (outcomes: readonly PublishOutcome[], cause: unknown) {
    super('outcome_unknown', { cause })
    this.outcomes = outcomes
  }
}

/**
 * Publishes to any number of rooms: to none, if the host refuses one of the publications, or the key of one stands for something else.
 * @returns the results, in the order of the drafts
 * @throws RoomcastError `publication_refused`, `key_reused` or `unavailable` if nothing happened, `outcome_unknown` if a part may have; with
 *   several rooms that is a PartlyPublishedError
 */
export async function publishAll (parts: PublisherParts, drafts: readonly PublicationDraft[]): Promise<Published[]> {
  if (parts.gatekeeper.judgesPublications) await assertAccepted(parts, drafts)
  // Of a single room the publish itself refuses, and nothing happened.
  if (drafts.length > 1) await assertKeys(parts, drafts)
  return send(parts, drafts)
}

/**
 * Does many publishes, each like `publishAll`, on its own: one that fails does not stop the others. What is published is published in the
 * order of the batch.
 * @param batch makes the drafts of each publish, and may throw
 */
export async function publishBatch (
  parts: PublisherParts, batch: ReadonlyArray<() => readonly PublicationDraft[]>
): Promise<Array<PromiseSettledResult<Published[]>>> {
  const judged = await Promise.all(batch.map(draft => judge(parts, draft)))
  const claims = new Map<string, string>()
  return Promise.allSettled(judged.map(outcome => {
    const refusal = 'reason' in outcome ? outcome.reason : claimKeys(claims, outcome.drafts)
    return 'drafts' in outcome && refusal === undefined ? send(parts, outcome.drafts) : Promise.reject(refusal)
  }))
}

/** What one publish of a batch comes to before anything happens. */
type Judged = { readonly drafts: readonly PublicationDraft[] } | { readonly reason: unknown }

/** Makes the drafts of one publish of a batch, or tells why they are refused; at once, unless somebody has to be asked. */
function judge (parts: PublisherParts, draft: () => readonly PublicationDraft[]): Judged | Promise<Judged> {
  try {
    const drafts = draft()
    const mustAsk = parts.gatekeeper.judgesPublications || drafts.some(({ idempotency }) => idempotency !== undefined)
    if (!mustAsk) return { drafts }
    return assertAccepted(parts, drafts).then(() => assertKeys(parts, drafts)).then(() => ({ drafts }), reason => ({ reason }))
  } catch (reason) {
    return { reason }
  }
}

async function assertAccepted ({ gatekeeper }: PublisherParts, drafts: readonly PublicationDraft[]): Promise<void> {
  await Promise.all(drafts.map(draft => gatekeeper.assertAccepted(draft)))
}

async function assertKeys ({ broker }: PublisherParts, drafts: readonly PublicationDraft[]): Promise<void> {
  await Promise.all(drafts.map(draft => broker.assertKey(draft)))
}

/**
 * Takes the keys of one publish of a batch, or none of them where an earlier one of the batch, of which the broker knows nothing yet, has
 * taken one for something else: then it answers the refusal.
 */
function claimKeys (claims: Map<string, string>, drafts: readonly PublicationDraft[]): RoomcastError | undefined {
  const wanted = drafts.flatMap(({ room, idempotency }) => idempotency === undefined ? [] : [[`${idempotency.id} ${room}`, idempotency.content] as const])
  if (wanted.some(([name, content]) => (claims.get(name) ?? content) !== content)) return new RoomcastError('key_reused')
  for (const [name, content] of wanted) claims.set(name, content)
  return undefined
}

function send (parts: PublisherParts, drafts: readonly PublicationDraft[]): Promise<Published[]> {
  const [draft] = drafts
  return draft !== undefined && drafts.length === 1
    ? parts.broker.publish(draft).then(result => [note(parts, draft, result)])
    : sendAll(parts, drafts)
}

/** Counts what was published, unless it was before. */
function note ({ meters: { published } }: PublisherParts, { from }: PublicationDraft, result: PublishResult): Published {
  if (!result.duplicate) published[from === undefined ? 'backend' : 'connection']++
  return withUser(result)
}

async function sendAll (parts: PublisherParts, drafts: readonly PublicationDraft[]): Promise<Published[]> {
  const settled = await Promise.allSettled(drafts.map(draft => parts.broker.publish(draft).then(result => note(parts, draft, result))))
  const results = settled.flatMap(one => one.status === 'fulfilled' ? [one.value] : [])
  if (results.length === drafts.length) return results
  const failures = settled.flatMap(one => one.status === 'rejected' ? [one.reason as unknown] : [])
  const unexpected = failures.find(failure => !(failure instanceof RoomcastError))
  if (unexpected !== undefined) throw unexpected
  const didNothing = results.length === 0 && failures.every(failure => codeOf(failure) !== 'outcome_unknown')
  if (didNothing) throw failures[0]
  throw new PartlyPublishedError(settled.map((one, index) => one.status === 'fulfilled'
    ? one.value
    : withUser({ room: drafts[index]?.room ?? '', code: codeOf(one.reason) })), failures[0])
}

function withUser<Outcome extends { readonly room: string }> (outcome: Outcome): Outcome & { readonly user?: string } {
  const user = userOf(outcome.room)
  return user === undefined ? outcome : { ...outcome, user }
}

function codeOf (failure: unknown): ErrorCode {
  return failure instanceof RoomcastError ? failure.code : 'internal'
}
