import { Api } from './api.js'
import { DisconnectDialog } from './disconnect-dialog.js'
import { byId, onSubmit, timeOf, write } from './elements.js'
import { NodeTable } from './node-table.js'
import { Rates } from './rates.js'
import { RoomBrowser } from './room-browser.js'
import { UserSearch } from './user-search.js'

const POLL_MS = 2_000
/** Rooms are asked about one by one, so more rarely. */
const POLLS_PER_ROOMS = 4
/** Where the key is: in this tab, until it is closed. */
const KEY = 'roomcast-console-key'

/** The operator's half: the cluster as REST tells it to a key. */
export class Operator {
  #base
  #dialog = new DisconnectDialog()
  #api
  #panels
  #isShown = false
  #polls = 0
  #timer

  /** `base` is where the service's routes are. */
  constructor ({ base }) {
    this.#base = base
    onSubmit(byId('open'), byId('access-error'), async ({ key }) => {
      await this.#open(key.value.trim())
      sessionStorage.setItem(KEY, key.value.trim())
      key.value = ''
      byId('find-user').elements.userId.focus()
    })
    byId('forget').addEventListener('click', () => {
      sessionStorage.removeItem(KEY)
      location.reload()
    })
    document.addEventListener('visibilitychange', () => { this.#poll() })
  }

  /** Begins or ends asking, as the half is seen or not. */
  async show (isShown) {
    this.#isShown = isShown
    const kept = sessionStorage.getItem(KEY)
    if (!isShown || this.#api !== undefined || kept === null) return this.#poll()
    await this.#open(kept).catch(error => { byId('access-error').textContent = error.message })
  }

  async #open (key) {
    const api = new Api({ base: this.#base, key })
    const { caller } = await api.access()
    this.#api = api
    const users = new UserSearch({ api, dialog: this.#dialog })
    this.#panels = {
      rates: new Rates(), nodes: new NodeTable(), users, rooms: new RoomBrowser({ api, onUser: userId => { users.show(userId) } })
    }
    byId('access').hidden = true
    byId('opened').hidden = false
    write(byId('caller'), caller)
    this.#poll()
  }

  async #poll () {
    clearTimeout(this.#timer)
    if (this.#api === undefined || !this.#isShown || document.hidden) return
    const round = ++this.#polls
    await Promise.all([
      this.#nodes(), this.#metrics(), this.#panels.users.refresh(),
      (round - 1) % POLLS_PER_ROOMS === 0 ? this.#panels.rooms.refresh() : undefined
    ])
    // Another round has begun meanwhile.
    if (round !== this.#polls) return
    this.#timer = setTimeout(() => { this.#poll() }, POLL_MS)
  }

  async #nodes () {
    const { rates, nodes } = this.#panels
    try {
      const answer = await this.#api.nodes()
      nodes.show(answer.nodes)
      rates.nodes(answer.nodes)
      this.#tell('live', '')
    } catch (error) {
      nodes.failed(error.message)
      if (error.status === 0 || error.status >= 500) this.#tell('stale', `${error.message}; this is how it was at ${timeOf(Date.now())}`)
    }
  }

  async #metrics () {
    try {
      this.#panels.rates.metrics(await this.#api.metrics())
    } catch (error) {
      this.#panels.rates.failed(error.message)
    }
  }

  #tell (state, note) {
    const place = byId('poll-state')
    if (place.textContent === state) return
    write(place, state)
    place.dataset.state = state === 'live' ? 'open' : 'waiting'
    write(byId('poll-note'), note)
  }
}
