import { WebSocket } from 'ws'
import { RoomcastClient } from '../../client/index.ts'
import { memberToken } from '../helpers/token.ts'
import type { Absence, Order, Report } from './travellers.ts'

/** How many connect at a time at the beginning; afterwards they come back as they like. */
const AT_ONCE = 50

/** A client of the library, as applications have it, that counts what it receives in one room. */
class Traveller {
  readonly userId: string
  readonly client: RoomcastClient
  /** The last number that it received. */
  last = 0
  #lostAt: number | undefined

  constructor (userId: string, { url, room }: Pick<Order & { type: 'open' }, 'url' | 'room'>) {
    this.userId = userId
    const token = memberToken(userId)
    this.client = new RoomcastClient({ url, getToken: () => token, WebSocket })
    this.client.on('state', state => {
      if (state === 'waiting') this.#lostAt ??= Date.now()
      if (state !== 'open') return
      this.#noteReturn()
      tellWhoArrived()
    })
    const handle = this.client.room<number>(room)
    handle.on('gap', ({ offset }) => { faults.push(`${userId} was told a gap up to ${offset}`) })
    handle.on('message', ({ data }) => {
      if (data !== this.last + 1) faults.push(`${userId} received ${data} after ${this.last}`)
      this.last = data
      received++
      if (awaited !== undefined && data >= awaited) tellWhoArrived()
    })
  }

  /** How it is, for a failure. */
  get standing (): string {
    return `${this.userId} is ${this.client.state} and has received ${this.last}`
  }

  async enter (room: string): Promise<void> {
    await this.client.connect()
    await this.client.room(room).subscribe()
  }

  #noteReturn (): void {
    if (this.#lostAt === undefined) return
    absences.push({ userId: this.userId, lostAt: this.#lostAt, backAt: Date.now() })
    this.#lostAt = undefined
  }
}

const travellers: Traveller[] = []
const absences: Absence[] = []
const faults: string[] = []
let received = 0
let awaited: number | undefined

const report = (message: Report): void => { process.send?.(message) }

async function open (order: Order & { type: 'open' }): Promise<void> {
  const waiting = [...order.userIds]
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let userId = waiting.pop(); userId !== undefined; userId = waiting.pop()) {
      const traveller = new Traveller(userId, order)
      travellers.push(traveller)
      await traveller.enter(order.room)
    }
  }))
  report({ type: 'opened' })
}

/** Tells, once, that all are open and have what was awaited. */
function tellWhoArrived (): void {
  const number = awaited
  if (number === undefined || !travellers.every(({ last, client }) => last >= number && client.state === 'open')) return
  awaited = undefined
  report({ type: 'arrived' })
}

process.on('message', async (order: Order) => {
  switch (order.type) {
    case 'open': return open(order)
    case 'await':
      awaited = order.number
      return tellWhoArrived()
    case 'account':
      return report({ type: 'account', absences, faults, received, standings: travellers.map(({ standing }) => standing) })
    default: order satisfies never
  }
})
process.on('disconnect', () => { process.exit() })
