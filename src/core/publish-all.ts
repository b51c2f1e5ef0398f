import type { Broker, PublishResult } from './broker.ts'
import { RoomcastError } from './errors.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import type { PublicationDraft } from './publication.ts'

/**
 * Publishes to any number of rooms: to none, if the host refuses one of the publications.
 * @returns the results, in the order of the drafts
 * @throws RoomcastError `publication_refused` or `unavailable` if nothing happened, `outcome_unknown` if a part may have
 */
export async function publishAll (
  { gatekeeper, broker }: { gatekeeper: Gatekeeper, broker: Broker }, drafts: readonly PublicationDraft[]
): Promise<PublishResult[]> {
  await Promise.all(drafts.map(draft => gatekeeper.assertAccepted(draft)))
  const outcomes = await Promise.allSettled(drafts.map(draft => broker.publish(draft)))
  const failures = outcomes.flatMap(outcome => outcome.status === 'rejected' ? [outcome.reason as unknown] : [])
  if (failures.length === 0) return outcomes.flatMap(outcome => outcome.status === 'fulfilled' ? [outcome.value] : [])
  const unexpected = failures.find(failure => !(failure instanceof RoomcastError))
  if (unexpected !== undefined) throw unexpected
  const didNotHappen = failures.length === drafts.length && failures.every(isUnavailable)
  throw new RoomcastError(didNotHappen ? 'unavailable' : 'outcome_unknown', { cause: failures[0] })
}

function isUnavailable (failure: unknown): boolean {
  return failure instanceof RoomcastError && failure.code === 'unavailable'
}
