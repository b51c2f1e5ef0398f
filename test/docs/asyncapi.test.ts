import { createRequire } from 'node:module'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Ajv } from 'ajv'
import Fastify from 'fastify'
import t from 'tap'
import { roomcast } from '../../src/app.ts'
import { asyncapi } from '../../src/core/asyncapi.ts'
import { closeCodes } from '../../src/core/close-codes.ts'
import { frameExamples, requestExamples } from '../../src/core/frame-examples.ts'
import { clientFrameSchemas, type ClientFrame, type MessageFrame, type ServerFrame } from '../../src/core/frames.ts'
import { replies, serverFrameSchemas, unasked, type ServerFrameType } from '../../src/core/server-frames.ts'
import { version } from '../../src/version.ts'
import { connect } from '../helpers/client.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { read, table } from './markdown.ts'

const source = read('docs/asyncapi.json')

/** Holds the schemas to the frames' own types, in the compiler: the keys that either has, and none that the other has not. */
type KeysOf<Frame> = Frame extends unknown ? keyof Frame : never
type OfType<Type> = (ServerFrame | MessageFrame) extends infer Frame ? Frame extends { type: infer Own } ? Type extends Own ? Frame : never : never : never
type Differing = { [Type in ServerFrameType]: Exclude<KeysOf<OfType<Type>>, keyof (typeof serverFrameSchemas)[Type]['properties']> | Exclude<keyof (typeof serverFrameSchemas)[Type]['properties'], KeysOf<OfType<Type>>> }[ServerFrameType]
const differing: Differing[] = [] satisfies never[]

t.test('docs/asyncapi.json is what the schemas of the frames make: npm run asyncapi writes it', async t => {
  t.same(JSON.parse(source), JSON.parse(JSON.stringify(asyncapi({ version, path: '/ws' }))))
  t.same(differing, [])
})

t.test('it is AsyncAPI 3, by the schema of the specification, and a linter finds nothing in it', async t => {
  const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(specification)
  validate(JSON.parse(source))
  t.same(validate.errors, null)
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, absoluteRef: '/asyncapi.json', config })
  t.same(problems.map(({ ruleId, message, location: [place] }) => [ruleId, message, place?.pointer]), [])
})

t.test('each example is a frame by its schema, and each frame is in an operation', async t => {
  for (const [type, schema] of Object.entries(clientFrameSchemas)) {
    t.same([...TypeCompiler.Compile(schema).Errors(requestExamples[type as ClientFrame['type']])], [], type)
  }
  for (const [type, schema] of Object.entries(serverFrameSchemas)) {
    t.same([...TypeCompiler.Compile(schema).Errors(frameExamples[type as ServerFrameType])], [], type)
  }
  t.same(new Set([...Object.values(replies), ...unasked]), new Set(Object.keys(serverFrameSchemas)))
  const { channels, operations } = JSON.parse(source) as { channels: { connection: { messages: object } }, operations: object }
  const inOperations = JSON.stringify(operations)
  for (const name of Object.keys(channels.connection.messages)) t.match(inOperations, `#/channels/connection/messages/${name}"`, name)
})

t.test('the replies are those that docs/protocol.md promises, and the close codes all that there are', async t => {
  const documented = table(read('docs/protocol.md'), '## Frames from the client')
    .map(({ type = '', reply = '' }) => [type, (/^`(\w+)`/.exec(reply) ?? /^(\w+)$/.exec(reply))?.[1]])
  t.same(Object.fromEntries(documented), replies)
  const { channels } = JSON.parse(source) as { channels: { connection: { 'x-close-codes': object[] } } }
  t.same(channels.connection['x-close-codes'], Object.values(closeCodes))
})

t.test('what a server sends is what it says', async t => {
  const server = await startServer(t)
  const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice', { info: { name: 'Alice' } }) })
  const { epoch } = await alice.subscribe('lobby', { presence: true })
  const bob = await connect(t, { url: server.wsUrl, token: memberToken('bob') })
  await bob.subscribe('lobby')
  await bob.publish('lobby', { text: 'hi' })
  await server.publish({ room: 'lobby', data: 1, volatile: true })
  const seen: object[] = [alice.welcome]
  for (const what of ['the join', 'the publication', 'the volatile one']) seen.push(await alice.inbox.next(what))
  await bob.close()
  seen.push(await alice.inbox.next('the leave'))
  const requests: object[] = [
    { type: 'subscribe', room: 'attic', since: { epoch: 'another', offset: 3 }, presence: true },
    { type: 'publish', room: 'lobby', data: 2, key: 'once' },
    { type: 'publish', room: 'lobby', data: 2, key: 'once' },
    { type: 'history', room: 'lobby', since: { epoch, offset: 0 } },
    { type: 'presence', room: 'lobby' },
    { type: 'refresh', token: memberToken('alice') },
    { type: 'ping' },
    { type: 'unsubscribe', room: 'attic' },
    { type: 'unsubscribe', room: 'attic' }
  ]
  for (const [index, request] of requests.entries()) alice.send(JSON.stringify({ ...request, id: `request ${index}` }))
  await alice.ping()
  seen.push({ type: 'pong', id: 1 }, ...alice.inbox.drain())
  for (const frame of seen as Array<{ type: ServerFrameType }>) {
    const schema = serverFrameSchemas[frame.type]
    t.same([...TypeCompiler.Compile(schema).Errors(frame)], [], JSON.stringify(frame))
    t.same(Object.keys(frame).filter(key => !(key in schema.properties)), [], `${frame.type} says no more`)
  }
  const never = new Set(['gap', 'token_expiring'])
  t.same(new Set(seen.map(frame => (frame as { type: string }).type)), new Set(Object.keys(serverFrameSchemas).filter(type => !never.has(type))))
})

t.test('it is served beside the docs, with the address that clients have there', async t => {
  const app = Fastify({ routerOptions: { maxParamLength: 600 } })
  t.after(() => app.close())
  await app.register(roomcast, { prefix: '/realtime', docs: true })
  const served = (await app.inject('/realtime/docs/asyncapi.json')).json<{ channels: { connection: { address: string } } }>()
  t.equal(served.channels.connection.address, '/realtime/ws')
  t.same({ ...served, channels: undefined }, { ...JSON.parse(source) as object, channels: undefined })
})

t.end()
