import { byId, make, onSubmit, write } from './elements.js'

/** The rooms of the connection, each with how far it got and who is in it. */
export class RoomList {
  #list = byId('subscriptions')
  #client
  /** By name: the handle, its element, and how to stop listening. */
  #rooms = new Map()

  constructor () {
    onSubmit(byId('subscribe'), byId('subscribe-error'), async ({ room, presence }) => {
      if (this.#client === undefined) throw new Error('Connect first')
      const handle = this.add(room.value)
      await handle.subscribe({ presence: presence.checked })
      room.value = ''
    })
  }

  /** Begins anew, with another client. */
  attach (client) {
    for (const name of this.#rooms.keys()) this.#remove(name)
    this.#client = client
  }

  /** Shows a room, which the user asked for, or the server. */
  add (name) {
    const handle = this.#client.room(name)
    if (this.#rooms.has(name)) return handle
    const place = elementsOf(name)
    place.button.addEventListener('click', () => {
      handle.unsubscribe()
      this.#remove(name)
      byId('subscribe').elements.room.focus()
    })
    const show = () => { showState(place, handle) }
    const stops = [
      handle.on('state', (state, error) => {
        if (state === 'refused') byId('subscribe-error').textContent = `${name}: ${error?.message ?? 'refused'}`
        if (state === 'refused' || state === 'unsubscribed') this.#remove(name)
        else show()
      }),
      handle.on('message', show),
      handle.on('members', members => { showMembers(place, members) })
    ]
    this.#rooms.set(name, { place, stops })
    this.#list.append(place.item)
    this.#showNames()
    show()
    return handle
  }

  #remove (name) {
    const room = this.#rooms.get(name)
    if (room === undefined) return
    this.#rooms.delete(name)
    for (const stop of room.stops) stop()
    room.place.item.remove()
    this.#showNames()
  }

  #showNames () {
    byId('no-rooms').hidden = this.#rooms.size > 0
    byId('room-names').replaceChildren(...Array.from(this.#rooms.keys(), value => make('option', { value })))
  }
}

function elementsOf (name) {
  const state = make('span', { className: 'note' })
  const button = make('button', { type: 'button', textContent: 'Unsubscribe' })
  button.setAttribute('aria-label', `Unsubscribe from ${name}`)
  const members = make('ul', { className: 'chips', hidden: true })
  members.setAttribute('aria-label', `Members of ${name}`)
  members.setAttribute('aria-live', 'polite')
  const item = make('li', {}, make('div', { className: 'line' }, make('strong', { textContent: name }), state, button), members)
  return { item, state, button, members }
}

function showState ({ state }, handle) {
  write(state, handle.state === 'subscribed' ? `at ${handle.position?.offset ?? '–'}` : handle.state)
}

/** Changes what changed, so that an announcement is of that alone. */
function showMembers ({ members: list }, members) {
  list.hidden = members.length === 0
  const wanted = new Map(members.map(member => [member.userId, member]))
  for (const item of [...list.children]) {
    if (!wanted.delete(item.dataset.user)) item.remove()
  }
  for (const { userId, info } of wanted.values()) {
    const item = make('li', { textContent: userId, title: info === undefined || info === null ? '' : JSON.stringify(info) })
    item.dataset.user = userId
    list.append(item)
  }
}
