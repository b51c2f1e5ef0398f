import { RoomcastClient } from './client/index.js'
import { byId, onSubmit, write } from './elements.js'
import { FrameLog } from './frame-log.js'
import { Identity } from './identity.js'
import { RoomList } from './room-list.js'
import { tapped } from './tapped-socket.js'

/** The developer's half: one connection, its rooms, and every frame of it. */
export class Developer {
  #url
  #identity = new Identity()
  #log = new FrameLog()
  #rooms = new RoomList()
  #client

  /** `base` is where the service's routes are. */
  constructor ({ base }) {
    this.#url = new URL('ws', base).href
    byId('connect').addEventListener('submit', event => {
      event.preventDefault()
      if (this.#isActive) this.#client.close()
      else this.#connect()
    })
    const form = byId('publish')
    onSubmit(form, byId('publish-error'), fields => this.#publish(fields))
    form.elements.data.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
    })
  }

  get log () { return this.#log }

  /** Whether the client is connected, or tries to. */
  get #isActive () { return this.#client !== undefined && !['idle', 'closed'].includes(this.#client.state) }

  #connect () {
    // The same user goes on where it was, so that one can see a recovery; another one begins anew.
    if (this.#client === undefined || this.#client.userId !== this.#identity.userId) this.#client = this.#createClient()
    this.#client.connect()
  }

  #createClient () {
    const client = new RoomcastClient({
      url: this.#url,
      getToken: () => this.#identity.token,
      WebSocket: tapped({
        onFrame: (direction, frame) => { this.#take(direction, frame) },
        onClose: (code, reason) => { this.#log.note('closed', `${code} ${reason}`.trim()) }
      })
    })
    this.#rooms.attach(client)
    client.on('state', (state, error) => { if (client === this.#client) this.#show(state, error) })
    client.on('error', ({ code, message }) => { this.#log.note('error', `${code}: ${message}`) })
    return client
  }

  #take (direction, frame) {
    this.#log.frame(direction, frame)
    if (direction === 'sent') return
    if (frame.type === 'welcome') {
      for (const fact of byId('connection-facts').querySelectorAll('[data-fact]')) write(fact, String(frame[fact.dataset.fact]))
    }
    const rooms = { welcome: frame.rooms, subscribed: [frame] }[frame.type] ?? []
    // After the client, which takes the frame next, and knows these rooms then.
    if (rooms.length > 0) setTimeout(() => { for (const { room } of rooms) this.#list(room) })
  }

  /** Those of the server's own are every connection's. */
  #list (room) {
    if (!room.startsWith('$') && this.#client?.room(room).state === 'subscribed') this.#rooms.add(room)
  }

  #show (state, error) {
    const place = byId('state')
    place.dataset.state = state
    write(place, state)
    write(byId('connect-button'), this.#isActive ? 'Close' : 'Connect')
    this.#log.note(state, '')
    write(byId('connect-error'), error === undefined ? '' : explain(error))
  }

  async #publish ({ room, data, echo, volatile }) {
    if (this.#client === undefined) throw new Error('Connect first')
    write(byId('published'), '')
    const { offset } = await this.#client.room(room.value).publish(parse(data.value), { echo: echo.checked, volatile: volatile.checked })
    write(byId('published'), offset === undefined ? `Published in ${room.value}` : `Published in ${room.value}, offset ${offset}`)
  }
}

function explain ({ code, message }) {
  if (code === 'origin_forbidden') return `This page may not connect: ${location.origin} must be in ALLOWED_ORIGINS`
  return code === 'unauthorized' ? 'The token was refused' : message
}

function parse (text) {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('This is not JSON. Text stands in quotes: "hello"')
  }
}
