import { byId, dateOf, make, onSubmit, write } from './elements.js'

/** Where a user is, and its end there. */
export class UserSearch {
  #api
  #dialog
  #userId

  constructor ({ api, dialog }) {
    this.#api = api
    this.#dialog = dialog
    onSubmit(byId('find-user'), byId('user-error'), ({ userId }) => this.#find(userId.value))
  }

  /** Shows a user that was chosen elsewhere. */
  show (userId) {
    const form = byId('find-user')
    form.elements.userId.value = userId
    form.requestSubmit()
    form.elements.userId.focus()
  }

  /** Asks again for the user that is shown. */
  async refresh () {
    if (this.#userId === undefined) return
    await this.#find(this.#userId).then(() => { write(byId('user-error'), '') }, error => { write(byId('user-error'), error.message) })
  }

  async #find (userId) {
    this.#userId = userId
    const presence = await this.#api.presence(userId)
    if (userId !== this.#userId) return
    const place = byId('user')
    // What is there stays while it is true, with the focus that may be in it.
    const shown = JSON.stringify(presence)
    if (place.dataset.shown === shown) return
    const isOther = place.dataset.user !== userId
    place.dataset.shown = shown
    place.dataset.user = userId
    if (isOther) place.replaceChildren(make('div'), this.#memberForm(userId))
    place.firstElementChild.replaceChildren(...this.#describe(presence))
  }

  #describe ({ userId, online, lastSeenAt, connections }) {
    const state = make('span', { className: 'state', textContent: online ? 'online' : 'offline' })
    state.dataset.state = online ? 'open' : 'closed'
    const seen = online ? '' : lastSeenAt === null ? 'not seen for 30 days' : `last seen on ${dateOf(lastSeenAt)}`
    const head = make('div', { className: 'line' }, make('h3', { textContent: userId }), state, make('span', { className: 'note grow', textContent: seen }))
    if (!online) return [head]
    head.append(this.#endButton(`Disconnect all connections of ${userId}`, 'Disconnect all', order => this.#api.disconnectUser(userId, order)))
    return [head, make('ul', { className: 'connections' }, ...connections.map(connection => this.#connection(connection)))]
  }

  #connection ({ connectionId, nodeName, connectedAt, transport, info }) {
    return make('li', {},
      make('div', {},
        make('p', {}, make('strong', { textContent: nodeName }), ` by ${transport}, since ${dateOf(connectedAt)}`),
        make('p', { className: 'note' }, make('code', { textContent: connectionId }), info === undefined || info === null ? '' : ` ${JSON.stringify(info)}`)),
      this.#endButton(`Disconnect the connection ${connectionId}`, 'Disconnect', order => this.#api.disconnect(connectionId, order)))
  }

  /** `title` says to whom cannot see where the button stands, and to the dialog, what it ends. */
  #endButton (title, textContent, end) {
    const button = make('button', { type: 'button', textContent })
    button.setAttribute('aria-label', title)
    button.addEventListener('click', async () => {
      if (!await this.#dialog.ask(title, end)) return
      byId('find-user').elements.userId.focus()
      await this.refresh()
    })
    return button
  }

  #memberForm (userId) {
    const room = make('input', { name: 'room', required: true, maxLength: 200, autocomplete: 'off', spellcheck: false })
    const error = make('p', { className: 'error' })
    error.setAttribute('role', 'alert')
    const done = make('output', { className: 'note' })
    const form = make('form', { className: 'line' },
      make('label', { className: 'field grow', textContent: 'Room' }, room),
      make('button', { textContent: 'Subscribe', value: 'subscribe' }),
      make('button', { textContent: 'Unsubscribe', value: 'unsubscribe' }))
    onSubmit(form, error, async (_fields, { value: order }) => {
      const { connections } = await this.#api[order](userId, room.value)
      done.textContent = `Told ${connections} connection${connections === 1 ? '' : 's'} to ${order}.`
    })
    return make('details', {}, make('summary', { textContent: 'Put into a room, or out of it' }), form, done, error)
  }
}
