// A backend in Node that notifies users: `node examples/notify.mjs alice '{"type":"order.placed"}'`, with ROOMCAST_URL and ROOMCAST_API_KEY.
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

const { ROOMCAST_URL = 'http://127.0.0.1:3000', ROOMCAST_API_KEY = '' } = process.env
const [user = 'alice', json = '"hello"'] = process.argv.slice(2)

const TRIES = 5

// The same key for every try: what happened already does not happen again.
const key = randomUUID()

for (let tried = 1; ; tried++) {
  const answer = await fetch(`${ROOMCAST_URL}/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ROOMCAST_API_KEY}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ user, data: JSON.parse(json) })
  }).catch(error => ({ status: 503, text: () => String(error), headers: new Headers() }))
  const text = await answer.text()
  if (answer.status === 200) {
    console.log(text)
    break
  }
  // 503 passes by itself; anything else would be refused again.
  if (answer.status !== 503 || tried === TRIES) {
    console.error(`${answer.status} ${text}`)
    process.exit(1)
  }
  await wait(1_000 * Number(answer.headers.get('retry-after') ?? 1))
}
