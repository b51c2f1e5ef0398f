/** What the error says that something ends with, which must be of this kind. */
export function refusalOf (Kind: abstract new (...args: never[]) => Error, act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof Kind) return error.message
    throw new Error(`refused, but by no ${Kind.name}`, { cause: error })
  }
  throw new Error('it was accepted')
}
