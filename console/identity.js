import { byId, dateOf, onSubmit } from './elements.js'
import { readClaims, signToken } from './token.js'

const listOf = text => text.split(',').map(item => item.trim()).filter(item => item !== '')

/** The token of the developer: pasted, or made here. It is kept in its field alone. */
export class Identity {
  #field = byId('connect').elements.token

  constructor () {
    this.#field.addEventListener('input', () => { this.#describe() })
    const form = byId('make-token')
    onSubmit(form, byId('make-error'), async fields => {
      this.#field.value = await signToken(claimsOf(fields), { secret: fields.secret.value, algorithm: fields.algorithm.value })
      this.#describe()
      byId('connect-button').focus()
    })
    // Browsers bring back what fields held before a reload.
    this.#describe()
  }

  get token () { return this.#field.value.trim() }

  /** Whom the token names. */
  get userId () { return readClaims(this.token)?.sub }

  #describe () {
    byId('claims').textContent = describe(this.token)
  }
}

function claimsOf ({ sub, minutes, subscribe, publish, rooms, aud, iss }) {
  const now = Math.floor(Date.now() / 1_000)
  return {
    sub: sub.value.trim(),
    iat: now,
    exp: now + minutes.valueAsNumber * 60,
    jti: crypto.randomUUID?.(),
    rooms: listOf(rooms.value),
    can: { subscribe: listOf(subscribe.value), publish: listOf(publish.value) },
    ...aud.value !== '' && { aud: aud.value },
    ...iss.value !== '' && { iss: iss.value }
  }
}

function describe (token) {
  if (token === '') return 'Paste a token, or make one below.'
  const claims = readClaims(token)
  if (claims === undefined) return 'This is not a token.'
  const { sub, exp } = claims
  if (typeof exp !== 'number') return `Of ${sub}, without an end: it will be refused.`
  return exp * 1_000 > Date.now() ? `Of ${sub}, valid until ${dateOf(exp * 1_000)}.` : `Of ${sub}, expired on ${dateOf(exp * 1_000)}.`
}
