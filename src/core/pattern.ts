import { isReserved } from './names.ts'

/**
 * Whether a room matches a pattern in which `*` stands for any run of characters. A pattern never matches a reserved room.
 * Two pointers with one point of return: linear for one star, quadratic at worst, where a regular expression could explode.
 */
export function matchesRoom (pattern: string, room: string): boolean {
  return !isReserved(room) && matches(pattern, room)
}

function matches (pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
