import { RETRY_AFTER_MS, RoomcastError } from './errors.ts'

export interface PlacesSettings {
  /** Connections of this node. */
  readonly maxConnections: number
  /** Connections from one address; 0 for any number. */
  readonly maxConnectionsPerAddress: number
}

/** How many connections there are, and from where. A place is taken before the upgrade, so that many at once do not all pass. */
export class Places {
  readonly #settings: PlacesSettings
  readonly #taken = new Map<string, number>()
  #count = 0

  constructor (settings: PlacesSettings) {
    this.#settings = settings
  }

  get count (): number { return this.#count }

  /**
   * Takes a place for a connection from an address, which `free` must give back.
   * @throws RoomcastError `limit_exceeded`, and nothing was taken
   */
  take (address: string): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#settings
    const ofAddress = this.#taken.get(address) ?? 0
    if (this.#count >= maxConnections) throw refusal('This node has as many connections as it may have')
    if (maxConnectionsPerAddress > 0 && ofAddress >= maxConnectionsPerAddress) throw refusal('This address has as many connections as it may have')
    this.#count++
    this.#taken.set(address, ofAddress + 1)
  }

  free (address: string): void {
    const ofAddress = (this.#taken.get(address) ?? 0) - 1
    this.#count--
    if (ofAddress > 0) this.#taken.set(address, ofAddress)
    else this.#taken.delete(address)
  }
}

function refusal (message: string): RoomcastError {
  return new RoomcastError('limit_exceeded', { message, retryAfterMs: RETRY_AFTER_MS })
}
