import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { groupOf } from '../src/core/address-group.ts'
import { AddressRates } from '../src/core/address-rates.ts'
import { RoomcastError } from '../src/core/errors.ts'
import { Places } from '../src/core/places.ts'

/** What one address may ask for. */
export interface AddressLimits {
  /**
   * Charges the address of a request for one attempt to connect.
   * @throws RoomcastError `rate_limited`
   */
  readonly chargeAttempt: (request: FastifyRequest) => void
  /**
   * Takes a place for the connection that an upgrade is about to become, until its socket is closed.
   * @throws RoomcastError `limit_exceeded`
   */
  readonly takePlace: (request: FastifyRequest) => void
}

declare module 'fastify' {
  interface FastifyInstance {
    roomcastLimits: AddressLimits
  }
}

/** How many seconds' worth of attempts one address may make at once: behind it may be many, who were all cut in the same moment. */
const BURST_SECONDS = 10

/** Where a request comes from. Of a peer that is gone already, the system tells no address. */
function addressOf ({ ip }: { readonly ip: string | undefined }): string {
  return groupOf(ip ?? '')
}

/** Bounds what one address, and all together, may ask for before they are connections. */
export default fp(async (app: FastifyInstance) => {
  const { maxUpgradesPerSecond, ...settings } = app.roomcastSettings
  const rates = maxUpgradesPerSecond > 0
    ? new AddressRates({ perSecond: maxUpgradesPerSecond, burst: maxUpgradesPerSecond * BURST_SECONDS })
    : undefined
  const places = new Places(settings)
  const addresses = new WeakMap<Socket, string>()

  // One for all sockets. Whatever becomes of an upgrade, its socket is closed in the end.
  const onClose = function (this: Socket): void {
    const address = addresses.get(this)
    if (address !== undefined && addresses.delete(this)) places.free(address)
  }

  app.decorate('roomcastLimits', {
    chargeAttempt: request => {
      const retryAfterMs = rates?.charge(addressOf(request), Date.now()) ?? 0
      if (retryAfterMs > 0) throw new RoomcastError('rate_limited', { retryAfterMs })
    },
    takePlace: request => {
      const { socket } = request.raw
      // Its peer has gone while the token was checked: nothing becomes of it, and nobody would tell its end.
      if (socket.destroyed) return
      const address = addressOf(request)
      places.take(address)
      addresses.set(socket, address)
      socket.on('close', onClose)
    }
  })
}, { name: 'roomcast-limits', dependencies: ['roomcast-settings'], fastify: '5.x' })
