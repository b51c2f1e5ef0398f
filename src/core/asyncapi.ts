import type { TObject } from '@sinclair/typebox'
import { closeCodes } from './close-codes.ts'
import { errors } from './errors.ts'
import { frameExamples, requestExamples } from './frame-examples.ts'
import { clientFrameSchemas, PROTOCOL, type ClientFrame } from './frames.ts'
import { replies, serverFrameSchemas, unasked, type ServerFrameType } from './server-frames.ts'

type RequestType = ClientFrame['type']

const CHANNEL = '#/channels/connection'

const requestSummaries: Readonly<Record<RequestType, string>> = {
  subscribe: 'Subscribe to a room; with `since` what was missed comes with the reply, with `presence` the members',
  unsubscribe: 'End a subscription; nothing of the room follows the reply',
  publish: 'Publish to a room; answered only if it has an id',
  presence: 'Ask who is in a room',
  history: 'Ask for publications that are kept of a room',
  resume: 'Resume everything by one frame, the first one after connecting with `?resume=1`',
  refresh: 'Go on under a new token of the same user',
  ping: 'Ask for a sign of life'
}

const frameSummaries: Readonly<Record<ServerFrameType, string>> = {
  welcome: 'The first frame: who this is, and the rooms that are subscribed already',
  message: 'A publication',
  subscribed: 'The subscription stands: every publication after this position follows. Unasked: the server began it, or it goes on under a new epoch',
  unsubscribed: 'The subscription has ended; with a code, by the server',
  published: 'It is published, at this position unless it is volatile',
  history: 'A page of the history, and the end of the room',
  presence: 'The members of a room; unasked, it replaces the list',
  join: 'The first connection of a user entered a room that was subscribed with `presence`',
  leave: 'The last connection of the user left it',
  refreshed: 'The connection goes on under the new token',
  pong: 'A sign of life',
  gap: 'Publications up to this position were missed: reload your state, and go on from here',
  token_expiring: '30 s before the token expires',
  error: 'A request was refused and changed nothing; the connection lives on'
}

const DESCRIPTION = `The WebSocket protocol \`${PROTOCOL}\`: JSON text frames. docs/protocol.md tells the rules in words.

It is described from the server's side: what it receives are the requests of clients, what it sends are its replies and what nobody asked for.
A request may carry an \`id\`, which its reply carries too; it is answered by its reply or by an \`error\`.`

/** The native protocol as an AsyncAPI 3 document: `version` is that of Roomcast, `path` where clients connect. */
export function asyncapi ({ version, path }: { readonly version: string, readonly path: string }): object {
  const requests = Object.keys(clientFrameSchemas) as RequestType[]
  const frames = Object.keys(serverFrameSchemas) as ServerFrameType[]
  const messages = [...requests.map(requestName), ...frames.map(frameName)]
  return {
    asyncapi: '3.0.0',
    info: { title: 'Roomcast', version, description: DESCRIPTION, license: { name: 'MIT', url: 'https://opensource.org/license/mit' } },
    defaultContentType: 'application/json',
    servers: { local: { host: '127.0.0.1:3000', protocol: 'ws', description: 'What runs with nothing set', security: Object.keys(securitySchemes).map(name => ({ $ref: `#/components/securitySchemes/${name}` })) } },
    channels: { connection: { ...connection, address: path, messages: Object.fromEntries(messages.map(name => [name, { $ref: `#/components/messages/${name}` }])) } },
    operations: Object.fromEntries([...requests.map(receiving), ...unasked.map(sending)]),
    components: {
      messages: Object.fromEntries([
        ...requests.map(type => [requestName(type), message(type, clientFrameSchemas[type], requestSummaries[type], requestExamples[type])]),
        ...frames.map(type => [frameName(type), message(type, serverFrameSchemas[type], frameSummaries[type], frameExamples[type])])
      ]),
      securitySchemes
    },
    'x-errors': Object.entries(errors).map(([code, { message }]) => ({ code, message }))
  }
}

const connection = {
  title: 'One connection',
  description: 'Everything that can refuse a client does so before the upgrade, as plain HTTP: see GET /ws in the OpenAPI description.',
  bindings: {
    ws: {
      method: 'GET',
      query: {
        type: 'object',
        properties: {
          resume: { type: 'string', const: '1', description: 'A `resume` frame follows, before which no welcome is sent' },
          token: { type: 'string', description: 'The token, where no header can be set' }
        }
      },
      bindingVersion: '0.1.0'
    }
  },
  'x-subprotocol': PROTOCOL,
  'x-close-codes': Object.values(closeCodes).map(({ code, reason, reconnect }) => ({ code, reason, reconnect }))
}

const securitySchemes = {
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A client\'s token' },
  tokenProtocol: { type: 'httpApiKey', in: 'header', name: 'Sec-WebSocket-Protocol', description: `For browsers, which can set no header: \`${PROTOCOL}, bearer.<token>\`` },
  tokenQuery: { type: 'httpApiKey', in: 'query', name: 'token', description: 'Where nothing else can be set' }
}

function message (type: string, schema: TObject, summary: string, example: object): object {
  const hasId = 'id' in schema.properties
  return {
    name: type,
    title: type,
    summary,
    payload: schema,
    ...hasId && { correlationId: { location: '$message.payload#/id' } },
    examples: [{ name: type, payload: example }]
  }
}

function receiving (type: RequestType): [name: string, operation: object] {
  const channel = { $ref: CHANNEL }
  const reply = { channel, messages: [messageRef(frameName(replies[type])), messageRef(frameName('error'))] }
  return [`receive${capitalized(type)}`, { action: 'receive', channel, summary: requestSummaries[type], messages: [messageRef(requestName(type))], reply }]
}

function sending (type: ServerFrameType): [name: string, operation: object] {
  return [`send${capitalized(type)}`, { action: 'send', channel: { $ref: CHANNEL }, summary: frameSummaries[type], messages: [messageRef(frameName(type))] }]
}

function messageRef (name: string): object {
  return { $ref: `${CHANNEL}/messages/${name}` }
}

function requestName (type: RequestType): string {
  return `${type}Request`
}

function frameName (type: ServerFrameType): string {
  return `${camelCased(type)}Frame`
}

function camelCased (type: string): string {
  return type.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase())
}

function capitalized (type: string): string {
  return type.charAt(0).toUpperCase() + camelCased(type.slice(1))
}
