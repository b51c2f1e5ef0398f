import { byId, make, numberOf, onSubmit, write } from './elements.js'

const PAGE_SIZE = 12

/** The rooms in use, by the beginning of their names, and who is in one of them. */
export class RoomBrowser {
  #api
  #onUser
  #query = {}
  #next = null
  /** Whose members are shown. */
  #opened

  /** `onUser` is told the user that was chosen. */
  constructor ({ api, onUser }) {
    this.#api = api
    this.#onUser = onUser
    onSubmit(byId('find-rooms'), byId('rooms-error'), ({ prefix }) => this.#load({ prefix: prefix.value }))
    byId('more-rooms').addEventListener('click', () => { this.#load({ ...this.#query, after: this.#next }).catch(error => { this.#failed(error) }) })
  }

  /** Asks again for what is shown. */
  async refresh () {
    try {
      await Promise.all([this.#load(this.#query), this.#opened === undefined ? undefined : this.#open(this.#opened)])
    } catch (error) {
      this.#failed(error)
    }
  }

  async #load (query) {
    this.#query = query
    const { rooms, next } = await this.#api.rooms({ ...query, limit: PAGE_SIZE })
    const occupancies = await Promise.all(rooms.map(room => this.#api.occupancy(room)))
    // Somebody has asked for others meanwhile.
    if (query !== this.#query) return
    write(byId('rooms-error'), '')
    this.#next = next
    byId('more-rooms').hidden = next === null
    byId('rooms-empty').hidden = rooms.length > 0
    this.#show(rooms, occupancies)
  }

  #show (rooms, occupancies) {
    const body = byId('rooms')
    if (rooms.join() !== [...body.rows].map(row => row.dataset.room).join()) body.replaceChildren(...rooms.map(room => this.#row(room)))
    for (const [index, { connections, members }] of occupancies.entries()) {
      const { cells } = body.rows[index]
      write(cells[1], numberOf(connections))
      write(cells[2], numberOf(members))
    }
  }

  #row (room) {
    const button = make('button', { type: 'button', className: 'link', textContent: room })
    button.addEventListener('click', () => {
      this.#opened = room
      this.#open(room).catch(error => { this.#failed(error) })
    })
    const row = make('tr', {}, make('th', { scope: 'row' }, button), make('td', { className: 'number' }), make('td', { className: 'number' }))
    row.dataset.room = room
    return row
  }

  async #open (room) {
    const { members, next } = await this.#api.members(room)
    if (room !== this.#opened) return
    const place = byId('room-members')
    const shown = JSON.stringify([room, members.map(({ userId }) => userId), next])
    if (place.dataset.shown === shown) return
    place.dataset.shown = shown
    const list = make('ul', { className: 'chips' }, ...members.map(({ userId }) => make('li', {}, this.#userButton(userId))))
    place.replaceChildren(make('h3', { textContent: `Members of ${room}` }), members.length > 0 ? list : make('p', { className: 'empty', textContent: 'Nobody is in this room.' }),
      ...next === null ? [] : [make('p', { className: 'note', textContent: 'There are more.' })])
  }

  #userButton (userId) {
    const button = make('button', { type: 'button', className: 'link', textContent: userId })
    button.addEventListener('click', () => { this.#onUser(userId) })
    return button
  }

  #failed ({ message }) {
    write(byId('rooms-error'), message)
  }
}
