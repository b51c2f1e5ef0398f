import type { Connection } from './connection.ts'
import type { Control } from './control.ts'
import type { RealtimeNode } from './node.ts'
import type { NodeSettings } from './node-settings.ts'
import { tooManyConnections } from './presence-limit.ts'
import type { PresenceRecord, PresenceStore } from './presence-store.ts'
import type { Registrar } from './registrar.ts'

export interface AdmissionParts {
  readonly node: RealtimeNode
  readonly store: PresenceStore
  readonly registrar: Registrar
  readonly control: Control
}

/**
 * Registers a connection, unless its user has as many as may be, on all nodes together; or where the policy is to replace, ends the oldest ones
 * for it. The connection that it resumes does not count, which may be half-open still.
 * @throws RoomcastError `limit_exceeded`, `unavailable` or `outcome_unknown`
 */
export async function admit ({ node, store, registrar, control }: AdmissionParts, connection: Connection): Promise<void> {
  const { maxConnectionsPerUser: most, connectionsPerUserPolicy } = node.settings
  if (connectionsPerUserPolicy === 'refuse') {
    connection.registeredAt = await registrar.register(connection, { most, resumedId: connection.resumedId })
    return
  }
  // Registered before it asks, each of those who come at once knows of those before it, and the last of all of them.
  connection.registeredAt = await registrar.register(connection)
  const [user] = await store.users([connection.userId])
  const connectionIds = replaceable(user?.connections ?? [], connection.connectionId, most)
  if (connectionIds.length > 0) await control.send({ type: 'replace', connectionIds })
}

/** @throws RoomcastError `limit_exceeded` where one connection more of a user would be refused, `unavailable` */
export async function assertMayConnect (
  store: PresenceStore, { maxConnectionsPerUser: most, connectionsPerUserPolicy }: NodeSettings, userId: string
): Promise<void> {
  if (connectionsPerUserPolicy !== 'refuse') return
  const [user] = await store.users([userId])
  if (user !== undefined && user.connections.length >= most) throw tooManyConnections(most)
}

/**
 * Which connections of a user, told oldest first, give way to a new one, which never ends itself. Those that come at once agree on who stays; one
 * that its node's clock puts before others, which are in truth older, leaves one too many until the next comes.
 */
export function replaceable (connections: readonly PresenceRecord[], newId: string, most: number): string[] {
  const excess = connections.slice(0, Math.max(0, connections.length - most))
  return excess.flatMap(({ connectionId }) => connectionId === newId ? [] : [connectionId])
}
