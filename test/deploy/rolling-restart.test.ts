import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { startFleet, type Restart } from './fleet.ts'
import { nginx, proxyTest } from './proxy-server.ts'
import { Publishing } from './publishing.ts'
import { sendTravellers, type Absence } from './travellers.ts'

const CLIENTS = 1_000
const ROOM = 'news'
const GRACE_MS = 5_000
const PUBLISH_EVERY_MS = 100
const ASK_EVERY_MS = 250
/** What is promised of 95 of 100 clients, on a machine on which a node starts within a second; on one that is busier it is as much longer. */
const BACK_MS = 3_000
const START_MS = 1_000

/** A user whom an answer called offline, and between which instants it was true, in milliseconds since 1970. */
interface Offline {
  readonly userId: string
  readonly askedAt: number
  readonly answeredAt: number
}

/** Asks who is online, again and again. */
class Watch {
  readonly offline: Offline[] = []
  answers = 0
  refusals = 0
  #isStopped = false

  async run (url: string, userIds: readonly string[]): Promise<void> {
    const body = JSON.stringify({ userIds })
    for (; !this.#isStopped; await delay(ASK_EVERY_MS)) {
      const askedAt = Date.now()
      const answer = await fetch(`${url}/presence/query`, { method: 'POST', headers: { ...withKey(API_KEY), 'content-type': 'application/json' }, body }).catch(() => undefined)
      const text = await answer?.text()
      if (answer?.status !== 200) {
        this.refusals++
        continue
      }
      this.answers++
      const answeredAt = Date.now()
      const { users } = JSON.parse(text ?? '') as { users: Array<{ userId: string, online: boolean }> }
      for (const { userId, online } of users) if (!online) this.offline.push({ userId, askedAt, answeredAt })
    }
  }

  stop (): void {
    this.#isStopped = true
  }
}

/**
 * Whether a user was away for so long by then that nobody is promised that they count as online: the grace begins when a node is told to end, and on
 * a busy machine its clients notice later.
 */
function isExcused ({ userId, askedAt, answeredAt }: Offline, absences: readonly Absence[], restarts: readonly Restart[]): boolean {
  return absences.some(absence => {
    const awaySince = restarts.findLast(({ toldAt }) => toldAt <= absence.lostAt)?.toldAt ?? absence.lostAt
    return absence.userId === userId && awaySince + GRACE_MS <= answeredAt && absence.backAt >= askedAt
  })
}

proxyTest(t, nginx, 'a rolling restart of three nodes under a thousand clients loses nothing, and nobody is called offline', async (t, binary) => {
  const fleet = await startFleet(t, { kind: nginx, binary, env: { SHUTDOWN_GRACE_MS: `${GRACE_MS}` } })
  const { url, wsUrl } = fleet.proxy
  const userIds = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`)
  const travellers = await sendTravellers(t, { url: wsUrl, room: ROOM, userIds })
  const publishing = new Publishing(url, ROOM)
  const watch = new Watch()
  t.after(() => { for (const work of [publishing, watch]) work.stop() })
  const working = Promise.all([publishing.run(PUBLISH_EVERY_MS), watch.run(url, userIds)])

  const restarts = await fleet.restartOneByOne(() => travellers.have(publishing.count))
  for (const work of [publishing, watch]) work.stop()
  await working
  await travellers.have(publishing.count)

  const { absences, faults, received } = await travellers.account()
  const figures = figuresOf(absences.map(({ lostAt, backAt }) => backAt - lostAt))
  const inexcusable = watch.offline.filter(report => !isExcused(report, absences, restarts))
  const slowness = Math.max(1, ...restarts.map(({ startMs }) => startMs / START_MS))
  t.comment(`a node took ${restarts.map(({ startMs }) => Math.round(startMs)).join(', ')} ms to start`)
  t.comment(`${absences.length} times a client was away: back after ${figures.p50} ms (p50), ${figures.p95} ms (p95), ${figures.max} ms (longest)`)
  t.comment(`${received} deliveries of ${publishing.count} publications; the backend was put off ${JSON.stringify([...publishing.setbacks])}`)
  t.comment(`${watch.answers} answers about all ${CLIENTS} users (${watch.refusals} refused), ${watch.offline.length} times one was called offline, ` +
    `${inexcusable.length} of them a user who was back within ${GRACE_MS} ms`)

  t.same(restarts.map(({ code }) => code), [0, 0, 0], 'each node ended in order')
  t.same(faults.slice(0, 10), [], 'every client received every publication once and in order')
  t.equal(received, CLIENTS * publishing.count, 'no delivery is missing, and none is one too many')
  t.ok(new Set(absences.map(({ userId }) => userId)).size === CLIENTS, 'every client lost its connection')
  t.same(inexcusable.slice(0, 10), [], 'nobody who was back within the grace was ever called offline')
  t.ok(watch.answers > 0, 'somebody asked who is online')
  t.ok(figures.p95 <= BACK_MS * slowness, `95 of 100 were back within ${figures.p95} ms`)
})

function figuresOf (numbers: readonly number[]): { p50: number, p95: number, max: number } {
  const sorted = numbers.toSorted((one, other) => one - other)
  const percentile = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN
  return { p50: percentile(0.5), p95: percentile(0.95), max: percentile(1) }
}
