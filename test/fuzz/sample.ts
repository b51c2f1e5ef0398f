import type { Dice } from './dice.ts'
import { hostileNumbers } from './hostile.ts'
import { array, leaf, object, stringLeaf, type Tree } from './json-tree.ts'

/** As much of JSON Schema as TypeBox and the OpenAPI description write. */
export interface Schema {
  readonly type?: string | readonly string[] | undefined
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

/** Values that mean something where they stand, by the name of the property: rooms that exist, users that are there. */
export type Pools = Readonly<Record<string, readonly string[]>>

const MANY = 4

/** A value that a schema accepts; none is at fault for what comes of it. */
export function sample (schema: Schema, dice: Dice, pools: Pools, name = ''): Tree {
  if (schema.const !== undefined) return leaf(JSON.stringify(schema.const), schema)
  if (schema.enum !== undefined) return leaf(JSON.stringify(dice.pick(schema.enum)), schema)
  if (schema.anyOf !== undefined) return sample(dice.pick(schema.anyOf), dice, pools, name)
  switch (schema.type) {
    case 'object': return sampleObject(schema, dice, pools)
    case 'array': {
      const { items = {}, minItems = 0, maxItems = MANY } = schema
      return array(dice.some(minItems, Math.max(minItems, Math.min(maxItems, MANY)), () => sample(items, dice, pools, name)))
    }
    case 'string': return stringLeaf(sampleString(schema, dice, pools[name]), schema)
    case 'number': return leaf(dice.pick(finiteNumbers), schema)
    case 'integer': return leaf(`${sampleInteger(schema, dice)}`, schema)
    case 'boolean': return leaf(dice.pick(['true', 'false']), schema)
    case 'null': return leaf('null', schema)
    default: return sampleData(dice, MANY)
  }
}

function sampleObject ({ properties = {}, required = [] }: Schema, dice: Dice, pools: Pools): Tree {
  const chosen = Object.entries(properties).filter(([name]) => required.includes(name) || dice.percent(50))
  return object(chosen.map(([name, schema]) => [name, sample(schema, dice, pools, name)]))
}

function sampleString ({ minLength = 0, maxLength = 64, pattern }: Schema, dice: Dice, pool: readonly string[] | undefined): string {
  const fitting = pool?.filter(text => text.length >= minLength && text.length <= maxLength) ?? []
  if (fitting.length > 0 && dice.percent(80)) return dice.pick(fitting)
  const length = dice.pick([minLength, minLength + 1, dice.int(minLength, maxLength), maxLength])
  if (pattern !== undefined) return Array.from({ length: dice.int(1, 64) }, () => dice.pick([...'azAZ09_-'])).join('')
  return Array.from({ length }, () => dice.pick(['x', ' ', '"', '\\', 'é', '{', '*', '0'])).join('')
}

function sampleInteger ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema, dice: Dice): number {
  return dice.pick([minimum, minimum + 1, maximum, maximum - 1, Math.min(maximum, dice.int(minimum, minimum + 150))])
}

const finiteNumbers = hostileNumbers.filter(text => Number.isFinite(Number(text)))

/** Data of an application: any JSON. */
function sampleData (dice: Dice, depth: number): Tree {
  if (depth === 0 || dice.percent(40)) {
    return dice.percent(50) ? leaf(dice.pick(finiteNumbers)) : stringLeaf(dice.percent(97) ? 'x'.repeat(dice.int(0, 40)) : 'long '.repeat(dice.int(1, 4_000)))
  }
  switch (dice.int(0, 3)) {
    case 0: return leaf(dice.pick(['null', 'true', 'false', '""', '[]', '{}']))
    case 1: return array(dice.some(0, MANY, () => sampleData(dice, depth - 1)))
    default: return object(dice.some(0, MANY, () => [dice.pick(dataKeys), sampleData(dice, depth - 1)]))
  }
}

const dataKeys = ['', 'a', 'b', 'type', 'room', 'data', 'id', 'toString', 'length', 'é', '🦄', '0', '\u0000', '\ud800']
