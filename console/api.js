/** What REST refused: its status, 0 where nobody answered, and its code. */
export class ApiError extends Error {
  constructor ({ status, code, message }) {
    super(message)
    this.status = status
    this.code = code
  }
}

const TIMEOUT_MS = 10_000

/** The REST routes of this service, as the bearer of a key. */
export class Api {
  #base
  #key

  constructor ({ base, key }) {
    this.#base = base
    this.#key = key
  }

  access () { return this.#json('console/access') }
  nodes () { return this.#json('nodes') }
  rooms (query) { return this.#json(`rooms?${new URLSearchParams(query)}`) }
  occupancy (room) { return this.#json(`rooms/${encodeURIComponent(room)}/occupancy`) }
  members (room) { return this.#json(`rooms/${encodeURIComponent(room)}/presence`) }
  presence (userId) { return this.#json(`presence/${encodeURIComponent(userId)}`) }

  async metrics () { return (await this.#ask('metrics')).text() }

  disconnectUser (userId, order) { return this.#json(`users/${encodeURIComponent(userId)}/connections?${new URLSearchParams(order)}`, 'DELETE') }
  disconnect (connectionId, order) { return this.#json(`connections/${connectionId}?${new URLSearchParams(order)}`, 'DELETE') }
  subscribe (userId, room) { return this.#json(memberPath(userId, room), 'PUT') }
  unsubscribe (userId, room) { return this.#json(memberPath(userId, room), 'DELETE') }

  async #json (path, method) { return (await this.#ask(path, method)).json() }

  /** @throws ApiError */
  async #ask (path, method = 'GET') {
    let response
    try {
      response = await fetch(new URL(path, this.#base), {
        method, headers: { authorization: `Bearer ${this.#key}` }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS)
      })
    } catch {
      throw new ApiError({ status: 0, code: 'unreachable', message: 'The service does not answer' })
    }
    if (response.ok) return response
    const { code = 'unknown', message = `The service answered ${response.status}` } = await response.json().catch(() => ({}))
    throw new ApiError({ status: response.status, code, message })
  }
}

function memberPath (userId, room) {
  return `rooms/${encodeURIComponent(room)}/members/${encodeURIComponent(userId)}`
}
