// What must not compile. TypeScript reports each expectation below that is not met.
import Fastify, { type FastifyInstance } from 'fastify'
import { roomcast, type Claims, type RoomcastOptions } from '../../../src/app.ts'

export function makeMistakes (app: FastifyInstance): unknown[] {
  app.realtime.on('disconnect', ({ code }) => {
    // @ts-expect-error the code is a number
    code.trim()
  })
  return [
    // @ts-expect-error a target is an object, and data is missing
    app.realtime.publish('x'),
    // @ts-expect-error data is missing
    app.realtime.publish({ room: 'lobby' }),
    // @ts-expect-error a target is an object
    app.realtime.publish('x', 1),
    // @ts-expect-error there is no such target
    app.realtime.publish({ rom: 'lobby' }, 1),
    // @ts-expect-error everyone is true, or it is not named
    app.realtime.publish({ everyone: false }, 1),
    // @ts-expect-error a target is an object
    app.realtime.disconnect('alice'),
    // @ts-expect-error a single connection leaves none out
    app.realtime.disconnect({ connection: 'x', except: 'y' }),
    // @ts-expect-error this code is not one to order
    app.realtime.disconnect({ user: 'alice' }, { code: 4400 }),
    // @ts-expect-error the room is missing
    app.realtime.subscribe('alice'),
    // @ts-expect-error there is no such event
    app.realtime.on('connected', () => {}),
    // @ts-expect-error a user id is a string
    app.presence.isOnline(5),
    // @ts-expect-error it is null with the embedded default
    app.publisher.ping(),
    // @ts-expect-error it is null with the embedded default
    app.subscriber.status
  ]
}

export async function registerWrongly (): Promise<RoomcastOptions[]> {
  const app = Fastify()
  // @ts-expect-error there is no such option
  await app.register(roomcast, { redisURL: 'redis://127.0.0.1' })
  // @ts-expect-error a number is no secret
  await app.register(roomcast, { jwtSecret: 5 })
  return [
    // @ts-expect-error there is no such option
    { colour: 'red' },
    // @ts-expect-error there is no such scope
    { apiKeys: [{ name: 'backend', key: 'k', scopes: ['everything'] }] },
    // @ts-expect-error claims name a user
    { authenticate: () => ({ name: 'alice' }) },
    // @ts-expect-error a decision is true or false
    { authorize: () => 'yes' },
    // @ts-expect-error the answer is 'accept' or 'refuse'
    { onPublish: () => true },
    // @ts-expect-error data has no type until it is checked
    { onPublish: ({ data }) => data.length > 0 ? 'accept' : 'refuse' }
  ]
}

// @ts-expect-error claims name a user
export const claims: Claims = { rooms: ['lobby'] }
