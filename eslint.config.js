import neostandard, { plugins } from 'neostandard'

const everything = ['core', 'memory', 'redis', 'websocket', 'tokens', 'metrics', 'cli', 'plugins', 'routes', 'client', 'console']
const processFiles = ['app', 'server', 'http-server', 'shutdown', 'environment', 'development', 'token-settings', 'redis-settings']
const because = 'The import matrix (docs/architecture.md) does not let this folder import it'

const refuse = (group, message = `${because}.`) => ({ group, message })
const typesOnly = group => ({ group, message: `${because}, except as a type.`, allowTypeImports: true })
const folders = names => names.map(name => `**/${name}/**`)
const allFoldersBut = (...names) => refuse(folders(everything.filter(name => !names.includes(name))))
const onlyPackages = (...names) => ({ regex: `^(?!\\.|(?:${names.join('|')})(?:/|$))`, message: `${because}.` })
const parents = (...files) => ({ regex: `^(?:\\.\\./)+(?:src/)?(?:${files.join('|')})\\.ts$`, message: `${because}: only the composition root sees it all.` })

// One entry a folder: in flat config a later entry for the same file replaces the rule, it does not add to it.
const layer = (folder, ...patterns) => ({
  name: `roomcast/layer/${folder}`,
  files: [`${folder}/**/*.{ts,js}`],
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] }
})

/** What a page has without importing it. */
const browserGlobals = [
  'AbortSignal', 'Intl', 'URL', 'URLSearchParams', 'WebSocket', 'TextDecoder', 'TextEncoder', 'addEventListener', 'atob', 'btoa', 'clearTimeout', 'crypto', 'document', 'fetch',
  'localStorage', 'location', 'performance', 'requestAnimationFrame', 'sessionStorage', 'setTimeout'
]

const enginePackages = ['@sinclair/typebox', 'secure-json-parse', 'node:.*']

export default [
  ...neostandard({ ts: true, noJsx: true, ignores: ['**/dist/', '**/node_modules/', '**/.tap/', '**/coverage/'] }),
  {
    name: 'roomcast/typescript',
    files: ['**/*.ts'],
    rules: { '@typescript-eslint/no-explicit-any': 'error' }
  },
  {
    name: 'roomcast/source',
    files: ['src/**', 'plugins/**', 'routes/**', 'client/**', 'console/**'],
    rules: { 'no-console': 'error', 'n/no-process-env': 'error' }
  },
  {
    name: 'roomcast/command-line',
    files: ['src/cli/**'],
    rules: { 'no-console': 'off', 'n/no-process-env': 'off' }
  },
  {
    name: 'roomcast/process-entry',
    files: ['src/server.ts'],
    rules: { 'n/no-process-env': 'off' }
  },
  {
    name: 'roomcast/tests',
    files: ['test/**'],
    rules: {
      // A forgotten `only` would run one test, and the suite would look green.
      'no-restricted-syntax': ['error',
        { selector: 'MemberExpression[property.name="only"]', message: 'No .only: the other tests of the file would not run.' },
        { selector: 'CallExpression > ObjectExpression > Property[key.name="only"]', message: 'No only option: the other tests of the file would not run.' }
      ]
    }
  },
  { name: 'roomcast/layer-plugin', plugins: { '@typescript-eslint': plugins['typescript-eslint'].plugin } },
  layer('src/core', onlyPackages(...enginePackages), allFoldersBut('core'), parents(...processFiles, 'config')),
  layer('src/memory', onlyPackages(...enginePackages), allFoldersBut('core', 'memory'), parents(...processFiles, 'config')),
  layer('src/redis', onlyPackages(...enginePackages, 'ioredis', 'cluster-key-slot'), allFoldersBut('core', 'redis'), parents(...processFiles, 'config')),
  layer('src/websocket', onlyPackages('node:.*', 'ws'), allFoldersBut('core', 'websocket'), parents(...processFiles, 'config')),
  layer('src/tokens', onlyPackages('@sinclair/typebox', 'node:.*'), allFoldersBut('core', 'tokens'), parents(...processFiles, 'config')),
  layer('src/metrics', onlyPackages('prom-client'), allFoldersBut('core', 'redis', 'metrics'), parents(...processFiles, 'config')),
  layer('plugins',
    refuse(['./**'], 'Plugins do not import each other: use the decorators, and `dependencies` of fp.'),
    typesOnly(['ioredis', 'ioredis/**']),
    allFoldersBut('core', 'memory', 'redis', 'websocket', 'tokens', 'metrics'),
    parents(...processFiles)
  ),
  layer('routes',
    typesOnly(['**/plugins/**', 'ws', 'ws/**']),
    refuse(['ioredis', 'ioredis/**']),
    allFoldersBut('core', 'routes', 'plugins'),
    parents(...processFiles)
  ),
  layer('client',
    onlyPackages('(?!)'),
    typesOnly(['**/core/frames.ts']),
    refuse(['**/core/**', '!**/core/frames.ts'], `${because}: of the core it may see the frame types only.`),
    allFoldersBut('client', 'core'),
    parents(...processFiles, 'config')
  ),
  layer('console', onlyPackages('(?!)'), allFoldersBut('client', 'console'), parents(...processFiles, 'config')),
  {
    name: 'roomcast/page',
    files: ['console/**'],
    languageOptions: { globals: Object.fromEntries(browserGlobals.map(name => [name, 'readonly'])) }
  }
]
