import type { Schema } from './sample.ts'

/**
 * JSON as it is written, not as it is meant: keys may stand twice, `__proto__` is a key like any other, and a leaf is any text, such as `1e999`
 * or `NaN`.
 */
export type Tree =
  | { readonly kind: 'object', readonly entries: ReadonlyArray<readonly [key: string, value: Tree]> }
  | { readonly kind: 'array', readonly items: readonly Tree[] }
  | { readonly kind: 'leaf', readonly text: string, readonly schema?: Schema | undefined }

export function leaf (text: string, schema?: Schema): Tree {
  return { kind: 'leaf', text, schema }
}

export function stringLeaf (value: string, schema?: Schema): Tree {
  return leaf(JSON.stringify(value), schema)
}

export function object (entries: ReadonlyArray<readonly [string, Tree]>): Tree {
  return { kind: 'object', entries }
}

export function array (items: readonly Tree[]): Tree {
  return { kind: 'array', items }
}

export function render (tree: Tree): string {
  switch (tree.kind) {
    case 'object': return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${render(value)}`).join(',')}}`
    case 'array': return `[${tree.items.map(render).join(',')}]`
    case 'leaf': return tree.text
    default: return tree satisfies never
  }
}

/** How many nodes a tree has; the first is the tree itself. */
export function size (tree: Tree): number {
  return childrenOf(tree).reduce((sum, child) => sum + size(child), 1)
}

/** A tree in which the node with a number, counted as it is written, is another. */
export function replaceAt (tree: Tree, number: number, change: (node: Tree) => Tree): Tree {
  if (number === 0) return change(tree)
  let first = 1
  const inChild = (child: Tree): Tree => {
    const at = number - first
    const length = size(child)
    first += length
    return at >= 0 && at < length ? replaceAt(child, at, change) : child
  }
  switch (tree.kind) {
    case 'object': return object(tree.entries.map(([key, value]) => [key, inChild(value)]))
    case 'array': return array(tree.items.map(inChild))
    case 'leaf': return tree
    default: return tree satisfies never
  }
}

function childrenOf (tree: Tree): readonly Tree[] {
  switch (tree.kind) {
    case 'object': return tree.entries.map(([, value]) => value)
    case 'array': return tree.items
    case 'leaf': return []
    default: return tree satisfies never
  }
}
