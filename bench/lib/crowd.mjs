import { RawClient } from './raw-client.mjs'

/** Shorter frames are not the publications of a benchmark: welcomes, acknowledgements, pings. */
const MIN_PUBLICATION_BYTES = 190
/** Of so many connections one reads what it gets, and says how long it took. */
const READ_ONE_IN = 100
/** Connections that are being opened at once. */
const OPENING_AT_ONCE = 200

/** Connections to one server: opened a few at a time, counted together. */
export class Crowd {
  clients = []
  latencies = []
  /** Publications received, by all together. */
  received = 0

  /** Opens `count` connections, each in the room that `roomOf(index)` names. */
  async open (side, port, count, roomOf) {
    const openings = Array.from({ length: count }, (_, index) => index)
    const next = async () => {
      for (let index = openings.pop(); index !== undefined; index = openings.pop()) await this.#openOne(side, port, `user-${index}`, roomOf(index))
    }
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, next))
  }

  close () {
    for (const client of this.clients) client.destroy()
  }

  async #openOne (side, port, userId, room) {
    const { path, headers, step } = side.opening(userId, room)
    let onOpen
    const open = new Promise(resolve => { onOpen = resolve })
    const client = new RawClient({
      port, path, headers, minBytes: MIN_PUBLICATION_BYTES, tally: this, onText: text => { if (step(text, client)) onOpen() }
    })
    await client.opened
    await open
    client.read(this.clients.length % READ_ONE_IN === 0 ? text => { this.#time(text) } : undefined)
    this.clients.push(client)
  }

  #time (text) {
    const sentAt = /"sentAt":([\d.]+)/.exec(text)?.[1]
    if (sentAt !== undefined) this.latencies.push(performance.now() - Number(sentAt))
  }
}

/** Data of a publication, about `bytes` long. */
export function payload (bytes = 200) {
  const data = { sentAt: performance.now(), text: '' }
  return { ...data, text: 'x'.repeat(Math.max(0, bytes - JSON.stringify(data).length)) }
}
