import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { roomcast } from '../../src/app.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { createHost, PREFIX } from './host.ts'

/** What hosts change for all of their routes, and what Roomcast's must not notice. */
const customs: Record<string, (app: FastifyInstance) => void> = {
  // As every host has that describes its routes with another library than JSON Schema.
  'a serializer compiler': app => {
    app.setSerializerCompiler(() => { throw new Error('the host cannot read this schema') })
  },
  'a validator compiler': app => {
    app.setValidatorCompiler(() => { throw new Error('the host cannot read this schema') })
  },
  'a formatter of what validation says': app => {
    app.setSchemaErrorFormatter(() => new Error('in the words of the host'))
  },
  // As every host has that checks the signatures of webhooks.
  'a parser that leaves JSON as bytes': app => {
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  }
}

for (const order of ['before', 'after'] as const) {
  for (const [what, adopt] of Object.entries(customs)) {
    t.test(`a host has ${what}, set ${order} Roomcast`, async t => {
      const app = createHost(t)
      if (order === 'before') adopt(app)
      await app.register(roomcast, { prefix: PREFIX, apiKeys: [{ name: 'tests', key: API_KEY }] })
      if (order === 'after') adopt(app)
      await app.ready()
      const post = (payload: string) => app.inject({
        method: 'POST', url: `${PREFIX}/publish`, headers: { ...withKey(API_KEY), 'content-type': 'application/json' }, payload
      })
      const published = await post('{"room":"lobby","data":{"n":1}}')
      t.equal(published.statusCode, 200, published.payload)
      t.match(published.json(), { publications: [{ room: 'lobby', epoch: String, offset: 1 }] })
      for (const wrong of ['{"room":5,"data":1}', '{', '{"__proto__":{},"room":"lobby","data":1}']) {
        const refused = await post(wrong)
        t.equal(refused.statusCode, 400, wrong)
        t.match(refused.json(), { statusCode: 400, code: 'request_invalid', error: 'Bad Request' })
        t.notMatch(refused.payload, 'words of the host')
      }
      const presence = await app.inject({ url: `${PREFIX}/presence/alice`, headers: withKey(API_KEY) })
      t.same(presence.json(), { userId: 'alice', online: false, connections: [], lastSeenAt: null })
    })
  }
}
