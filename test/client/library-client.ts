import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { RoomcastClient, type ClientOptions, type ClientState, type RoomHandle } from '../../client/index.ts'
import { Inbox } from '../helpers/inbox.ts'
import { memberToken } from '../helpers/token.ts'
import { within } from '../helpers/within.ts'

/** A client of the library, with short back-offs, that is closed with the test. */
export function createClient (t: Pick<Test, 'after'>, url: string, options: Partial<ClientOptions> = {}): RoomcastClient {
  const client = new RoomcastClient({ url, getToken: () => memberToken('alice'), WebSocket, backoffMs: 20, maxBackoffMs: 200, ...options })
  t.after(() => { client.close() })
  return client
}

/** Such a client, connected. */
export async function connectClient (t: Pick<Test, 'after'>, url: string, options: Partial<ClientOptions> = {}): Promise<RoomcastClient> {
  const client = createClient(t, url, options)
  await within('welcome', 10_000, client.connect())
  return client
}

/** The client's next change to a state. Take it before you act. */
export function nextState (client: RoomcastClient, wanted: ClientState, ms = 15_000): Promise<void> {
  let stop = (): void => {}
  const reached = new Promise<void>(resolve => { stop = client.on('state', state => { if (state === wanted) resolve() }) })
  return within(`state ${wanted}`, ms, reached).finally(stop)
}

/** The data of every message of a room, as they come. */
export function messagesOf<Data> (room: RoomHandle<Data>): Inbox<Data> {
  const inbox = new Inbox<Data>()
  room.on('message', ({ data }) => { inbox.push(data) })
  return inbox
}
