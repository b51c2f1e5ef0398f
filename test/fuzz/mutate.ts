import type { Dice } from './dice.ts'
import { deepText, hostileNames, hostileNumbers, hostileString, hostileValue, nearlyJson, plainValues, pollution } from './hostile.ts'
import { array, leaf, object, render, replaceAt, size, stringLeaf, type Tree } from './json-tree.ts'
import type { Schema } from './sample.ts'

type Change = (node: Tree, dice: Dice) => Tree

/** A value of the wrong kind, at or beyond a limit, or none at all. */
const changes: readonly Change[] = [
  (_node, dice) => leaf(dice.pick(plainValues)),
  (_node, dice) => leaf(dice.pick(hostileNumbers)),
  (_node, dice) => leaf(dice.pick(pollution)),
  (_node, dice) => leaf(deepText(dice)),
  (_node, dice) => leaf(dice.percent(30) ? dice.pick(nearlyJson) : hostileValue(dice)),
  (_node, dice) => stringLeaf(hostileString(dice)),
  (node, dice) => node.kind === 'leaf' && node.schema !== undefined ? boundary(node.schema, dice) : leaf(hostileValue(dice)),
  node => node.kind === 'array' ? array(Array.from({ length: 1_001 }, (_, index) => node.items[index % node.items.length] ?? leaf('"x"'))) : array([node]),
  node => object([['value', node]]),
  node => stringLeaf(render(node)),
  // Keys: one gone, one twice, one that nobody knows, one written otherwise, all in another order.
  (node, dice) => node.kind === 'object' && node.entries.length > 0 ? object(without(node.entries, dice)) : leaf('{}'),
  (node, dice) => node.kind === 'object' && node.entries.length > 0 ? object([...node.entries, twice(node.entries, dice)]) : array([node, node]),
  (node, dice) => node.kind === 'object' ? object([...node.entries, [dice.pick(hostileNames), leaf(hostileValue(dice))]]) : node,
  (node, dice) => node.kind === 'object' ? object(node.entries.map(([key, value]) => [dice.percent(50) ? key.toUpperCase() : `${key} `, value])) : node,
  node => node.kind === 'object' ? object([...node.entries].reverse()) : node
]

/** A tree in which one to three things are not as they should be. */
export function mutateTree (tree: Tree, dice: Dice): Tree {
  let mutated = tree
  for (let left = dice.pick([1, 1, 1, 2, 3]); left > 0; left--) {
    mutated = replaceAt(mutated, dice.int(0, size(mutated) - 1), node => dice.pick(changes)(node, dice))
  }
  return mutated
}

/** One less than a limit of a schema, the limit, and one more. */
function boundary ({ minLength = 0, maxLength = 200, minimum = 0, maximum = Number.MAX_SAFE_INTEGER, type }: Schema, dice: Dice): Tree {
  const around = (limit: number): number => limit + dice.int(-1, 1)
  if (type === 'string') return stringLeaf(dice.pick(['x', 'ж', '🦄']).repeat(Math.max(0, around(dice.pick([minLength, maxLength])))))
  const limit = BigInt(dice.pick([minimum, maximum]))
  return leaf(`${limit + BigInt(dice.int(-1, 1))}`)
}

function without (entries: ReadonlyArray<readonly [string, Tree]>, dice: Dice): ReadonlyArray<readonly [string, Tree]> {
  const gone = dice.int(0, entries.length - 1)
  return entries.filter((_entry, index) => index !== gone)
}

function twice (entries: ReadonlyArray<readonly [string, Tree]>, dice: Dice): readonly [string, Tree] {
  const [key, value] = dice.pick(entries)
  return [key, dice.percent(50) ? value : leaf(hostileValue(dice))]
}

const textChanges: ReadonlyArray<(text: string, dice: Dice) => string | Buffer> = [
  (text, dice) => text.slice(0, dice.int(0, text.length)),
  (text, dice) => text.slice(dice.int(0, text.length)),
  (text, dice) => text + dice.pick(['x', '}', ',', '\u0000', text, '//', ' 1', '\n{}', nearlyJson[0] ?? '']),
  (text, dice) => dice.pick(['\ufeff', ' ', '\n\t ', '\u00a0', '\u0000', ')]}\'', '\ufeff\ufeff', '//\n', ',']) + text,
  text => `${' '.repeat(500)}${text}\r\n`,
  text => text.replaceAll('"', '\''),
  (text, dice) => cut(Buffer.from(text), dice, bytes => Buffer.from(bytes.map(byte => byte ^ (1 << dice.int(0, 7))))),
  (text, dice) => cut(Buffer.from(text), dice, () => Buffer.from(dice.pick(badUtf8))),
  (text, dice) => cut(Buffer.from(text), dice, () => dice.bytes(dice.int(1, 8))),
  text => Buffer.from(text, 'utf16le'),
  (_text, dice) => dice.pick(nearlyJson),
  (_text, dice) => deepText(dice)
]

/** What UTF-8 does not hold (RFC 3629): a lone tail, a cut head, an overlong NUL, a surrogate, beyond U+10FFFF. */
export const badUtf8: ReadonlyArray<readonly number[]> = [[0x80], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0xf0, 0x9f, 0xa6]]

/** A text that is not what it was, cut, longer, or of other bytes. */
export function mutateText (text: string, dice: Dice): Buffer {
  return Buffer.from(dice.pick(textChanges)(text, dice))
}

/** Bytes in which some, somewhere, are others. */
function cut (bytes: Buffer, dice: Dice, change: (cut: Buffer) => Buffer): Buffer {
  const from = dice.int(0, bytes.length)
  const to = Math.min(bytes.length, from + dice.int(0, 3))
  return Buffer.concat([bytes.subarray(0, from), change(bytes.subarray(from, to)), bytes.subarray(to)])
}
