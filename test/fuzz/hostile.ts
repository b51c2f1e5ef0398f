import { MAX_KEY_LENGTH } from '../../src/core/idempotency.ts'
import { MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from '../../src/core/names.ts'
import { MAX_PAYLOAD_DEPTH } from '../../src/core/payload.ts'
import type { Dice } from './dice.ts'

/** What may stand wherever a name may: each is a name that some program took for something else. */
export const hostileNames: readonly string[] = [
  '', ' ', '0', '-1', 'null', 'undefined', 'NaN', 'true', '[object Object]',
  '__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'toJSON', 'length', 'constructor.prototype',
  '$', '$all', '$control', '$user:', '$user:fuzz-1', '$user:__proto__', '$ALL', 'all$', '*', '?', '[a-z]', '^', '\\', '|', '{}', '{room}', '}{', '{{', ':', '::',
  '/', '..', '../..', '%', '%00', '%2f', '%u0000', '+', '&', '=', '#', ';', ',', '"', '\'', '`', '<script>', '\r\nX-Injected: 1',
  '\n', '\t', '\u0000', 'a\u0000b', '\u001f', '\u007f', '\u0080', '\u0085', '\u00a0', '\u00ad', '\u200b', '\u202e', '\u2028', '\ufeff', '\ufffd', '\uffff',
  '\ud800', '\udc00', 'a\ud800', '\udc00\ud800', 'é', 'e\u0301', 'ß', 'İ', '🦄', '👩‍👩‍👧‍👦', 'ﷺ', '🦄'.repeat(50), 'ж'.repeat(64), 'ж'.repeat(100), 'ж'.repeat(101)
]

/** Around the lengths at which something ends. */
export const hostileLengths: readonly number[] = [1, 64, 125, MAX_USER_ID_BYTES, MAX_ROOM_BYTES, MAX_KEY_LENGTH, 65_535 - 100]
  .flatMap(length => [length - 1, length, length + 1])

/** JSON numbers at whose values something ends. */
export const hostileNumbers: readonly string[] = [
  '0', '-0', '0.0', '-1', '1', '0.5', '1.0', '1e0', '1e3', '1e999', '-1e999', '1e-999', '5e-324', '1.7976931348623157e308', '999', '1000', '1001',
  '255', '256', '32767', '32768', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296', '-2147483649',
  '9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740993', '18446744073709551615', '9223372036854775808', '123456789012345678901234567890'
]

/** What is not JSON, but looks like it. */
export const nearlyJson: readonly string[] = [
  'NaN', 'Infinity', '-Infinity', 'undefined', '01', '+1', '.5', '1.', '0x10', '1_000', '1n', '\'a\'', '"\\x41"', '"\\ud800', '"\u0001"', '"a', 'a"', '', '-', 'tru', 'TRUE',
  '[1,]', '{"a":1,}', '{a:1}', '{"a"}', '[', '{', ']', '}', '/**/1', '1//', '(1)', '`a`', '"\\u00"', '"\t"'
]

/** Values of every JSON type, by their texts. */
export const plainValues: readonly string[] = ['null', 'true', 'false', '0', '1', '""', '"a"', '[]', '{}', '[null]', '{"a":1}', '["lobby"]', '[[]]']

/** Objects that some program merges where it should not. */
export const pollution: readonly string[] = [
  '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"__proto__":null}', '{"a":{"__proto__":[]}}', '{"\\u005f_proto__":{"polluted":true}}',
  '{"toString":1,"valueOf":2}', '{"toJSON":"x"}', '{"then":"x"}', '{"length":4294967296}', '{"hasOwnProperty":null}'
]

/** Nesting around the limit and far beyond it. */
const DEPTHS = [2, MAX_PAYLOAD_DEPTH - 1, MAX_PAYLOAD_DEPTH, MAX_PAYLOAD_DEPTH + 1, 1_000, 5_000, 12_000]

export function deepText (dice: Dice): string {
  const depth = dice.pick(DEPTHS)
  const [opening, inner, closing] = dice.pick([['[', '', ']'], ['{"a":', '1', '}'], ['[{"":', 'null', '}]']] as const)
  const times = Math.floor(depth / opening.replace(/[^[{]/g, '').length)
  return `${opening.repeat(times)}${inner}${closing.repeat(times)}`
}

/** A string from the list, of a length from the list, or of random code units. */
export function hostileString (dice: Dice): string {
  if (dice.percent(60)) return dice.pick(hostileNames)
  if (dice.percent(50)) return dice.pick(['x', 'x', 'ж', '"', '\u0001']).repeat(dice.pick(hostileLengths.filter(length => length < 1_000 || dice.percent(10))))
  return String.fromCharCode(...dice.some(1, 12, () => dice.int(0, 0xffff)))
}

/** The text of any value that is JSON. */
export function hostileValue (dice: Dice): string {
  switch (dice.int(0, 5)) {
    case 0: return dice.pick(hostileNumbers)
    case 1: return dice.pick(plainValues)
    case 2: return dice.pick(pollution)
    case 3: return deepText(dice)
    default: return JSON.stringify(hostileString(dice))
  }
}
