import type { Broker } from './broker.ts'
import type { Claims } from './claims.ts'
import type { Codec } from './codec.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import type { NodeSettings } from './node-settings.ts'
import type { PresenceStore } from './presence-store.ts'
import type { RevocationStore } from './revocation-store.ts'
import type { Transport } from './transport.ts'

/** What a node stands on. */
export interface NodeParts {
  readonly broker: Broker
  readonly store: PresenceStore
  readonly revocations: RevocationStore
  readonly gatekeeper: Gatekeeper
  /**
   * Checks a token that a client brings in a `refresh`.
   * @throws RoomcastError `unauthorized` or `unavailable`
   */
  readonly verify: (token: string) => Promise<Claims>
  readonly settings: NodeSettings
  readonly log: Logger
  /** What it counts, where somebody else reads it too. */
  readonly meters?: Meters
}

/** What a connection is made of. */
export interface ConnectParts {
  readonly transport: Transport
  readonly codec: Codec
  readonly claims: Claims
  /** `resume`: the first frame says from where to go on. */
  readonly mode?: 'new' | 'resume'
}
