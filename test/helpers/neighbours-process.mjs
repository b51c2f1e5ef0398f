// Connections that read everything and only count. They have a process of their own, so that gigabytes do not pass through the test.
import { RawClient } from '../../bench/lib/raw-client.mjs'

/** Shorter frames are no publications of these tests. */
const MIN_BYTES = 10_000

const tallies = []
let wanted = Infinity
let lacking = 0

class Tally {
  #received = 0

  get received () { return this.#received }

  set received (count) {
    this.#received = count
    if (count === wanted && --lacking === 0) process.send({ reached: wanted })
  }
}

async function open (port, token) {
  const tally = new Tally()
  tallies.push(tally)
  let onWelcome
  const welcome = new Promise(resolve => { onWelcome = resolve })
  const client = new RawClient({ port, path: '/ws', headers: { Authorization: `Bearer ${token}` }, minBytes: MIN_BYTES, tally, onText: onWelcome })
  await client.opened
  await welcome
  client.read(undefined)
}

process.on('message', async message => {
  if ('tokens' in message) {
    for (const token of message.tokens) await open(message.port, token)
    process.send({ opened: message.tokens.length })
  } else if ('wanted' in message) {
    wanted = message.wanted
    lacking = tallies.filter(({ received }) => received < wanted).length
    if (lacking === 0) process.send({ reached: wanted })
  } else {
    process.send({ counts: tallies.map(({ received }) => received) })
  }
})
process.on('disconnect', () => { process.exit() })
