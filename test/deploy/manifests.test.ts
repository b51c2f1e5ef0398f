import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import t from 'tap'
import { SettingsError } from '../../src/config.ts'
import { withDevelopmentCredentials } from '../../src/development.ts'
import { readEnvironment, variables } from '../../src/environment.ts'
import { httpOptions } from '../../src/http-server.ts'
import { SHUTDOWN_TIMEOUT_MS } from '../../src/shutdown.ts'
import { pathOf, read } from '../docs/markdown.ts'
import { at, containerFacts, directives, documents, environmentOf, filesOf, type Tree } from './manifests.ts'

const container = containerFacts()
const { settings: defaults } = readEnvironment({})
/** What a node may take from SIGTERM to its end. */
const SHUTDOWN_SECONDS = SHUTDOWN_TIMEOUT_MS / 1_000
/** A secret and a key of an API, as an operator would have made them. */
const CREDENTIALS = { JWT_SECRET: 's'.repeat(48), API_KEYS: `orders:${'k'.repeat(48)}` }

/** The settings that a node has under an environment, and what of it is no setting of ours. */
function settingsUnder (environment: Record<string, unknown>) {
  const values = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]))
  return { ...readEnvironment(values), unknown: Object.keys(values).filter(name => !variables.has(name) && name !== 'NODE_ENV') }
}

/** Whether a node refuses to start with what an example has where a secret must be. */
function refuses (environment: Record<string, string>): boolean {
  const { settings, process } = readEnvironment(environment)
  try {
    withDevelopmentCredentials(settings, process, 'production')
    return false
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.startsWith('JWT_SECRET, API_KEYS')
  }
}

t.test('compose.yaml', async t => {
  const [compose] = documents('deploy/compose.yaml')
  const services = at(compose, 'services') as Record<string, Tree>
  const nodes = Object.entries(services).filter(([name]) => name.startsWith('node-'))

  t.test('starts three nodes with settings that exist, and asks for the secrets', async t => {
    t.same(nodes.map(([name]) => name), ['node-1', 'node-2', 'node-3'])
    for (const [name, node] of nodes) {
      const environment = at(node, 'environment') as Record<string, string>
      for (const secret of Object.keys(CREDENTIALS)) t.ok(environment[secret]?.startsWith(`\${${secret}:?`), `without ${secret} nothing starts`)
      const { unknown, settings, process } = settingsUnder({ ...environment, ...CREDENTIALS, ALLOWED_ORIGINS: '' })
      t.same(unknown, [])
      t.equal(settings.nodeName, name)
      t.equal(settings.redisUrl, 'redis://redis:6379/0')
      t.same(process.trustProxy, [at(compose, 'networks.roomcast.ipam.config.0.subnet')], 'the proxy is trusted, and the network is its own')
      t.ok(Number.parseInt(String(at(node, 'stop_grace_period'))) > SHUTDOWN_SECONDS)
      t.ok(existsSync(pathOf(normalize(join('deploy', String(at(node, 'build')), 'Dockerfile')))))
    }
  })

  t.test('runs a Redis that evicts nothing and forgets a second at most', async t => {
    const command = (at(services, 'redis.command') as string[]).join(' ')
    t.match(command, '--maxmemory-policy noeviction')
    t.match(command, '--appendonly yes')
  })

  t.test('puts the nginx that is shipped in front of all three', async t => {
    const [source = '', target] = String(at(services, 'nginx.volumes.0')).split(':')
    t.equal(normalize(join('deploy', source)), 'deploy/nginx.conf')
    t.equal(target, '/etc/nginx/nginx.conf')
    t.equal(new Set(nodes.map(([, node]) => at(node, 'networks.roomcast.ipv4_address'))).size, 3, 'which looks the nodes up once, so they keep their addresses')
    const port = String(at(services, 'nginx.ports.0')).split(':').at(-1)
    t.match(read('deploy/nginx.conf'), `listen ${port};`)
  })
})

t.test('the proxies wait for longer than two pings, and give up a connection before a node does', async t => {
  for (const file of ['deploy/nginx.conf', 'deploy/haproxy.cfg']) {
    const text = read(file).replace(/^\s*#.*$/gm, '')
    t.same([...text.matchAll(/\bnode-\d:\d+/g)].map(([name]) => name), [1, 2, 3].map(number => `node-${number}:${container.port}`))
    const idle = [...text.matchAll(/(?:proxy_(?:read|send)_timeout|timeout (?:client|server|tunnel)) +(\d+)s/g)].map(([, seconds]) => 1_000 * Number(seconds))
    t.ok(idle.length >= 2, file)
    for (const ms of idle) t.ok(ms > 2 * (defaults.pingIntervalMs + defaults.pongTimeoutMs), `${file}: ${ms}`)
    const [, keptSeconds] = /(?:keepalive_timeout|timeout http-keep-alive) +(\d+)s/.exec(text) ?? []
    t.ok(1_000 * Number(keptSeconds) < httpOptions.keepAliveTimeout, `${file}: ${keptSeconds}`)
  }
})

t.test('the Kubernetes manifests', async t => {
  const files = filesOf('deploy/kubernetes', '.yaml', '.yaml.example')
  const manifests = new Map(files.flatMap(file => documents(file).map(manifest => [String(manifest['kind']), manifest] as const)))
  const manifest = (kind: string): Tree => manifests.get(kind) ?? {}
  const pod = at(manifest('Deployment'), 'spec.template.spec') as Tree
  const main = at(pod, 'containers.0') as Tree
  const labels = { 'app.kubernetes.io/name': 'roomcast' }

  t.test('are one of each kind, in versions that are served', async t => {
    t.same(Object.fromEntries(Array.from(manifests, ([kind, { apiVersion }]) => [kind, apiVersion])), {
      Deployment: 'apps/v1',
      HorizontalPodAutoscaler: 'autoscaling/v2',
      Ingress: 'networking.k8s.io/v1',
      PodDisruptionBudget: 'policy/v1',
      Secret: 'v1',
      Service: 'v1'
    })
    t.equal(manifests.size, files.length)
    for (const [kind, tree] of manifests) t.match(tree, { metadata: { name: 'roomcast', labels } }, kind)
  })

  t.test('find each other by name, label and port', async t => {
    t.same(at(manifest('Deployment'), 'spec.template.metadata.labels'), labels)
    for (const [kind, path] of [['Deployment', 'spec.selector.matchLabels'], ['Service', 'spec.selector'], ['PodDisruptionBudget', 'spec.selector.matchLabels']] as const) {
      t.same(at(manifest(kind), path), labels, kind)
    }
    t.same(at(main, 'ports'), [{ name: 'http', containerPort: container.port }])
    t.same(at(manifest('Service'), 'spec.ports'), [{ name: 'http', port: 80, targetPort: 'http' }])
    t.same(at(manifest('Ingress'), 'spec.rules.0.http.paths.0.backend'), { service: { name: 'roomcast', port: { name: 'http' } } })
    t.match(at(manifest('HorizontalPodAutoscaler'), 'spec.scaleTargetRef'), { kind: 'Deployment', name: 'roomcast', apiVersion: 'apps/v1' })
    t.equal(at(main, 'envFrom.0.secretRef.name'), 'roomcast')
  })

  t.test('ask the pod whether it lives and whether it is ready', async t => {
    const probes = { startupProbe: '/live', livenessProbe: '/live', readinessProbe: '/ready' }
    for (const [probe, path] of Object.entries(probes)) {
      t.same(at(main, `${probe}.httpGet`), { path, port: 'http' })
      t.match(read('routes/health.ts'), `app.get('${path}'`)
    }
    t.ok(Number(at(main, 'readinessProbe.timeoutSeconds')) > 2, 'it takes up to two seconds to say no')
  })

  t.test('leave a pod the time to work on, and then to end', async t => {
    const [command, seconds] = at(main, 'lifecycle.preStop.exec.command') as string[]
    t.equal(command, 'sleep')
    t.ok(Number(at(pod, 'terminationGracePeriodSeconds')) > Number(seconds) + SHUTDOWN_SECONDS)
  })

  t.test('set what exists, and an example of a Secret with which no node starts', async t => {
    const secret = at(manifest('Secret'), 'stringData') as Record<string, string>
    const environment = Object.fromEntries((at(main, 'env') as Array<{ name: string, value?: string }>).map(({ name, value = 'a-pod' }) => [name, value]))
    t.same(settingsUnder({ ...environment, ...secret, ...CREDENTIALS }).unknown, [])
    t.ok(refuses(secret))
    t.ok(files.every(file => (file.endsWith('.example')) === file.includes('secret')), 'nobody applies the example by applying the folder')
  })

  t.test('run as the user of the image, with no right that is not needed', async t => {
    t.equal(container.user, 'node')
    t.match(at(pod, 'securityContext'), { runAsNonRoot: true, runAsUser: 1000 })
    t.same(at(main, 'securityContext'), { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  })

  t.test('wait at the ingress for longer than two pings', async t => {
    const annotations = at(manifest('Ingress'), 'metadata.annotations') as Record<string, string>
    for (const name of ['read', 'send']) {
      const seconds = Number(annotations[`nginx.ingress.kubernetes.io/proxy-${name}-timeout`])
      t.ok(1_000 * seconds > 2 * (defaults.pingIntervalMs + defaults.pongTimeoutMs))
    }
  })
})

t.test('the systemd unit', async t => {
  const file = 'deploy/systemd/roomcast@.service'
  const service = new Map(directives(read(file)).filter(({ section }) => section === 'Service').map(({ name, value }) => [name, value]))

  t.test('runs what `npm start` runs, again whenever it ends, and leaves it the time to end', async t => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    t.equal(service.get('ExecStart'), `/usr/bin/${scripts['start']}`)
    t.equal(service.get('Restart'), 'always')
    t.ok(Number(service.get('TimeoutStopSec')) > SHUTDOWN_SECONDS)
  })

  t.test('sets what exists, and has an example with which no node starts', async t => {
    const own = Object.fromEntries((service.get('Environment') ?? '').split(' ').map(pair => pair.split('=')).map(([name, value]) => [name, value?.replace('%i', '3001')]))
    const example = environmentOf(read('deploy/systemd/roomcast.env.example'))
    t.same(settingsUnder({ ...own, ...example, ...CREDENTIALS }).unknown, [])
    t.ok(refuses(example))
    t.same(Object.keys(example).filter(name => name in own), [], 'the file, which wins, does not make all nodes the same')
  })

  const { status } = spawnSync('systemd-analyze', ['--version'])
  t.test('is understood by systemd', { skip: status !== 0 && 'there is no systemd-analyze here' }, async t => {
    const folder = t.testdir({})
    const unit = join(folder, 'roomcast@.service')
    writeFileSync(unit, read(file).replace('/usr/bin/node', process.execPath))
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
    t.equal(stdout + stderr, '')
  })
})
