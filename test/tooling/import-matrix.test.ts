import t from 'tap'
import { ESLint } from 'eslint'

const RULE = '@typescript-eslint/no-restricted-imports'
const eslint = new ESLint()

async function refusals (filePath: string, source: string) {
  const results = await eslint.lintText(source, { filePath })
  const messages = results.flatMap(result => result.messages)
  const fatal = messages.find(message => message.fatal)
  if (fatal) throw new Error(`${filePath} could not be linted: ${fatal.message}`)
  return messages.filter(message => message.ruleId === RULE).map(message => message.message)
}

/** One row of the matrix: what a file there is refused, and what it may import. Each specifier is imported by value unless it begins with `type`. */
interface Row { readonly file: string, readonly refused: readonly string[], readonly allowed: readonly string[] }

const rows: Record<string, Row> = {
  'the core imports nothing but itself, its two libraries and node': {
    file: 'src/core/scratch.ts',
    refused: ['fastify', '@fastify/jwt', 'ioredis', 'type ioredis', 'ws', 'type ws', '../memory/memory-broker.ts', '../redis/redis-broker.ts', 'type ../redis/redis-broker.ts',
      '../../plugins/realtime.ts', '../../routes/ws.ts', '../app.ts', '../config.ts', '../cli/token.ts', '../tokens/key-set.ts', '@sinclair/typebox-other', 'nodemailer', 'prom-client'],
    allowed: ['./hub.ts', './verbs/publish.ts', '@sinclair/typebox', '@sinclair/typebox/compiler', 'secure-json-parse', 'node:crypto']
  },
  'a folder inside the core is held to the same row': {
    file: 'src/core/verbs/scratch.ts',
    refused: ['ioredis', '../../redis/redis-broker.ts', '../../app.ts', '../../../plugins/realtime.ts'],
    allowed: ['../hub.ts', '../node.ts', './publish.ts', 'node:events']
  },
  'memory imports the core and knows no Redis': {
    file: 'src/memory/scratch.ts',
    refused: ['ioredis', 'type ioredis', 'fastify', 'ws', '../redis/redis-keys.ts', '../../plugins/presence.ts', '../config.ts'],
    allowed: ['../core/broker.ts', './memory-broker.ts', 'node:events']
  },
  'redis imports the core and ioredis and knows no Fastify': {
    file: 'src/redis/scratch.ts',
    refused: ['fastify', '@fastify/redis', 'ws', '../memory/memory-broker.ts', '../../routes/publish.ts', '../server.ts'],
    allowed: ['ioredis', '../core/broker.ts', './redis-keys.ts', 'node:fs']
  },
  'the WebSocket transport imports the core and ws, and knows no Fastify': {
    file: 'src/websocket/scratch.ts',
    refused: ['fastify', '@fastify/websocket', 'ioredis', '../redis/redis-broker.ts', '../../plugins/websocket.ts', '../app.ts'],
    allowed: ['ws', '../core/transport.ts', 'node:net']
  },
  'tokens import the core and know no Fastify and no settings': {
    file: 'src/tokens/scratch.ts',
    refused: ['fastify', '@fastify/jwt', 'ioredis', 'ws', '../redis/redis-broker.ts', '../../plugins/auth.ts', '../config.ts', '../token-settings.ts'],
    allowed: ['./jwks.ts', '../core/errors.ts', '@sinclair/typebox', 'node:crypto']
  },
  'metrics read what core and redis count, for prom-client, and know no Fastify': {
    file: 'src/metrics/scratch.ts',
    refused: ['fastify', 'ioredis', 'ws', '../memory/memory-broker.ts', '../../plugins/metrics.ts', '../config.ts', '../app.ts'],
    allowed: ['prom-client', '../core/meters.ts', '../redis/redis-meters.ts', './readings.ts']
  },
  'plugins know each other by decorators only, and ioredis by its types': {
    file: 'plugins/scratch.ts',
    refused: ['./presence.ts', '../plugins/presence.ts', 'type ./presence.ts', 'ioredis', '../routes/ws.ts', '../src/app.ts', '../src/server.ts', '../src/environment.ts', '../client/client.ts'],
    allowed: ['type ioredis', 'fastify', 'fastify-plugin', '@fastify/redis', 'ws', '../src/core/node.ts', '../src/memory/memory-broker.ts', '../src/redis/redis-broker.ts',
      '../src/websocket/websocket-transport.ts', '../src/tokens/key-set.ts', '../src/metrics/registry.ts', '../src/config.ts']
  },
  'routes see plugins and ws as types, and no broker': {
    file: 'routes/scratch.ts',
    refused: ['../plugins/realtime.ts', 'ws', 'ioredis', 'type ioredis', '../src/memory/memory-broker.ts', '../src/redis/redis-broker.ts', 'type ../src/redis/redis-broker.ts', '../src/app.ts'],
    allowed: ['type ../plugins/realtime.ts', 'type ws', 'fastify', '@fastify/websocket', '@sinclair/typebox', '../src/core/errors.ts', './schemas.ts']
  },
  'the client library has no dependencies and sees the frame types only': {
    file: 'client/scratch.ts',
    refused: ['ws', 'fastify', 'node:events', '../src/core/frames.ts', '../src/core/hub.ts', 'type ../src/core/hub.ts', '../src/redis/redis-broker.ts', '../plugins/realtime.ts', '../src/config.ts'],
    allowed: ['type ../src/core/frames.ts', './backoff.ts']
  },
  'the console sees the client library, as a browser does, and nothing of the server': {
    file: 'console/scratch.js',
    refused: ['fastify', 'node:events', '../src/core/frames.ts', '../routes/console.ts', '../plugins/auth.ts'],
    allowed: ['./client/index.js', './api.js']
  }
}

const statement = (specifier: string) => specifier.startsWith('type ')
  ? `import type { Thing } from '${specifier.slice('type '.length)}'\nexport type Other = Thing\n`
  : `import { thing } from '${specifier}'\nexport const other = thing\n`

for (const [title, { file, refused, allowed }] of Object.entries(rows)) {
  t.test(title, async t => {
    for (const specifier of refused) t.not((await refusals(file, statement(specifier))).length, 0, `${file} is refused ${specifier}`)
    for (const specifier of allowed) t.same(await refusals(file, statement(specifier)), [], `${file} may import ${specifier}`)
  })
}

t.test('the composition root may import anything', async t => {
  const anything = ['./core/node.ts', './memory/memory-broker.ts', './redis/redis-broker.ts', '../plugins/realtime.ts', '../routes/ws.ts', 'fastify', 'ioredis', 'ws']
  for (const specifier of anything) t.same(await refusals('src/app.ts', statement(specifier)), [], `src/app.ts may import ${specifier}`)
})

t.test('a re-export is an import', async t => {
  t.not((await refusals('src/core/scratch.ts', "export * from '../redis/redis-broker.ts'\n")).length, 0)
  t.not((await refusals('src/core/scratch.ts', "export { broker } from '../redis/redis-broker.ts'\n")).length, 0)
})

t.test('each refusal says why', async t => {
  const [message] = await refusals('src/core/scratch.ts', statement('ioredis'))
  t.match(message, /import matrix/)
})
