type Listener<Args extends readonly unknown[]> = (...args: Args) => void

/** Listeners by the name of what they listen to. `Events` names the arguments of each. */
export class Emitter<Events extends { readonly [Name in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<readonly unknown[]>>>()

  /** Returns how to stop listening. The same listener twice listens once. */
  on<Name extends keyof Events> (name: Name, listener: Listener<Events[Name]>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) this.#listeners.set(name, listeners = new Set())
    const added = listener as unknown as Listener<readonly unknown[]>
    listeners.add(added)
    return () => { listeners.delete(added) }
  }

  /** Tells every listener; what one throws reaches the platform's handler of uncaught errors, not the others. */
  emit<Name extends keyof Events> (name: Name, ...args: Events[Name]): void {
    this.emitWhile(() => true, name, ...args)
  }

  /** Tells one listener after the other, as long as a condition holds. */
  emitWhile<Name extends keyof Events> (holds: () => boolean, name: Name, ...args: Events[Name]): void {
    for (const listener of [...this.#listeners.get(name) ?? []]) {
      if (!holds()) return
      try {
        listener(...args)
      } catch (error) {
        queueMicrotask(() => { throw error })
      }
    }
  }
}
