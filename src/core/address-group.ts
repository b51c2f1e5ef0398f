import { isIPv4, isIPv6 } from 'node:net'

/** An address that stands for nothing the limits know, such as a proxy may forward, is taken as it is, up to here. */
const MAX_LENGTH = 64

/**
 * Who shares the limits of one address: of IPv6 a whole /64, since a single subscriber has one (RFC 6177), and an IPv4 address that is mapped
 * into it is itself.
 */
export function groupOf (address: string): string {
  const [bare = ''] = address.split('%')
  const mapped = bare.replace(/^::ffff:/i, '')
  if (isIPv4(mapped)) return mapped
  return isIPv6(bare) ? `${firstGroups(bare).join(':')}::/64` : address.slice(0, MAX_LENGTH)
}

/** The first four of eight groups (RFC 4291 §2.2), without leading zeros. */
function firstGroups (address: string): string[] {
  const [head = '', tail = ''] = address.toLowerCase().split('::')
  const [before, after] = [head, tail].map(part => part === '' ? [] : part.split(':')) as [string[], string[]]
  // An IPv4 address at the end takes the place of two groups.
  const lengthOf = (groups: string[]): number => groups.length + (groups.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = Math.max(0, 8 - lengthOf(before) - lengthOf(after))
  return [...before, ...new Array<string>(zeros).fill('0'), ...after].slice(0, 4).map(group => group.replace(/^0+(?=.)/, ''))
}
