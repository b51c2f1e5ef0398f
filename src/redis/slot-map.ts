// A host that compiles Roomcast's source does not look for declarations beside it.
/// <reference path="./cluster-key-slot.d.ts" />
import calculateSlot from 'cluster-key-slot'

/** Slots of a Redis Cluster (Redis Cluster specification, "Key distribution model"). */
export const SLOTS = 16_384

/** Which master has which slots, as one of them told. */
export interface SlotMap {
  /** For each slot the address of its master, `host:port`; undefined where none has it. */
  readonly owners: ReadonlyArray<string | undefined>
  /** The masters that have any. */
  readonly masters: ReadonlySet<string>
}

/** The slot of a key or a sharded channel. */
export function slotOf (name: string): number {
  return calculateSlot(name)
}

/**
 * Reads the reply to CLUSTER SLOTS: for each range its first and last slot and its nodes, the master first.
 * @param asked the host that was asked, which a node means that does not know its own
 */
export function parseSlots (reply: unknown, asked: string): SlotMap {
  const owners: Array<string | undefined> = new Array(SLOTS).fill(undefined)
  const masters = new Set<string>()
  for (const [first, last, [host, port]] of reply as Array<[first: number, last: number, master: [host: string | null, port: number]]>) {
    const address = addressOf(isKnown(host) ? host : asked, port)
    masters.add(address)
    owners.fill(address, first, last + 1)
  }
  return { owners, masters }
}

/** Reads an address as Redis writes it, IPv6 without brackets; undefined where it does not know the host. */
export function readAddress (text: string): string | undefined {
  const colon = text.lastIndexOf(':')
  const host = text.slice(0, colon)
  return isKnown(host) ? addressOf(host.replace(/^\[|\]$/g, ''), text.slice(colon + 1)) : undefined
}

/** Redis writes nothing, or a question mark, for a host that it does not know (`cluster-preferred-endpoint-type`). */
function isKnown (host: string | null): host is string {
  return host !== null && host !== '' && host !== '?'
}

/** How an address is written here: an IPv6 one in brackets, as in a URL. */
export function addressOf (host: string, port: number | string): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
