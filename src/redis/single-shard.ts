import type { RedisClientsParts } from './redis-clients.ts'
import { Shard } from './shard.ts'
import type { Redirection, Shards, ShardsListener } from './shards.ts'

/** One Redis that has everything, at an address or where Sentinels say. */
export class SingleShard implements Shards {
  /** Every script that has to know is told which process answers, so nothing is counted here. */
  readonly replacements = 0
  readonly areMany = false
  readonly #listeners: ShardsListener[] = []
  readonly #shard: Shard
  readonly #all: readonly Shard[]

  private constructor (parts: RedisClientsParts) {
    this.#shard = new Shard({
      ...parts,
      onMessage: (channel, message) => { for (const { onMessage } of this.#listeners) onMessage?.(channel, message) },
      onResubscribed: () => { for (const { onResubscribed } of this.#listeners) onResubscribed?.('all') },
      onMoved () {}
    })
    this.#all = [this.#shard]
  }

  /**
   * Connects.
   * @throws Error that names host and port, never the password, if Redis is not usable within two seconds, or is only a part of one
   */
  static async connect (parts: RedisClientsParts): Promise<SingleShard> {
    const shards = new SingleShard(parts)
    await shards.#shard.connect()
    return shards
  }

  get address (): string { return this.#shard.address }
  get db (): number { return this.#shard.db }
  get channels (): Shard['channels'] { return this.#shard.channels }

  all (): readonly Shard[] { return this.#all }

  of (): Shard { return this.#shard }

  async redirect (): Promise<Redirection | undefined> { return undefined }

  listen (listener: ShardsListener): void {
    this.#listeners.push(listener)
  }

  stop (): void {
    this.#shard.stop()
  }

  close (): Promise<void> {
    return this.#shard.close()
  }
}
