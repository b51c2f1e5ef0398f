import type { Broker } from './broker.ts'
import type { Codec } from './codec.ts'
import { isTold, type Command } from './command.ts'
import { Connection } from './connection.ts'
import { createId } from './ids.ts'
import { CONTROL_ROOM } from './names.ts'
import type { RealtimeNode } from './node.ts'
import type { Transport } from './transport.ts'

/** One line for each command, and for whatever a room tells its subscribers: JSON holds no raw line feed. */
const LINE_END = Buffer.from('}\n')

const codec: Codec = {
  protocol: CONTROL_ROOM,
  decode: () => ({ kind: 'invalid', code: 'frame_invalid', message: 'Nodes talk by publications', id: undefined }),
  encode: frame => Buffer.from(`${JSON.stringify(frame)}\n`),
  encodePublication: ({ at, data }) => Buffer.concat([Buffer.from(`{"type":"command","at":${at},"command":`), data, LINE_END])
}

export interface ControlParts {
  readonly node: RealtimeNode
  readonly broker: Broker
  /** Does what a node told, in order; `at` is when, on the broker's clock. Must not throw. */
  readonly onCommand: (command: Command, at: number) => void
  /** Some commands were lost for good: what they were about must be looked up. */
  readonly onMissed: () => void
}

/**
 * How the nodes of a cluster tell each other what to do: by publications in `$control`, to which every node is subscribed like a connection without
 * a peer. So commands arrive in order, also at the node that sent them, and what a cut kept away is read from the history.
 */
export class Control {
  readonly #parts: ControlParts
  #connection: Connection | undefined

  constructor (parts: ControlParts) {
    this.#parts = parts
  }

  /**
   * Begins to listen.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async start (): Promise<void> {
    const { node } = this.#parts
    const connection = new Connection({
      node, transport: this.#transport(), codec, claims: { sub: CONTROL_ROOM }, connectionId: createId(), connectedAt: node.now()
    })
    const subscription = await node.rooms.enter(connection, CONTROL_ROOM)
    this.#connection = connection
    subscription.open()
  }

  /** Listens no more, so that nothing goes on trying to keep the room up to date. Never rejects. */
  async stop (): Promise<void> {
    if (this.#connection !== undefined) await this.#parts.node.rooms.leave(this.#connection, CONTROL_ROOM)
  }

  /**
   * Tells every node of the cluster, this one included.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async send (command: Command): Promise<void> {
    await this.#parts.broker.publish({ room: CONTROL_ROOM, data: JSON.stringify(command) })
  }

  #transport (): Transport {
    return {
      name: 'control',
      isOpen: true,
      bufferedBytes: 0,
      write: lines => { this.#read(Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString()) },
      // Nothing ever waits here.
      whenDrained () {},
      ping () {},
      close () {},
      terminate () {},
      pause () {},
      resume () {}
    }
  }

  #read (lines: string): void {
    const { node: { log }, onCommand, onMissed } = this.#parts
    for (const line of lines.split('\n').slice(0, -1)) {
      const told = parse(line)
      if (isTold(told)) onCommand(told.command, told.at)
      else if (isGap(told)) onMissed()
      else log.debug({ line }, 'a word in $control was passed by')
    }
  }
}

function isGap (told: unknown): boolean {
  return typeof told === 'object' && told !== null && 'type' in told && told.type === 'gap'
}

function parse (line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}
