import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEVELOPMENT_FILE } from '../../src/development.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { KeyPair, pem } from '../helpers/key-pair.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET, token } from '../helpers/token.ts'
import { roomcast, runServer, socketUrl } from './program.ts'

const pair = new KeyPair('RS256')
const claims = { rooms: ['lobby'], can: { publish: ['lobby'] } }
const API_KEYS = `tests:${API_KEY}`

t.test('in production a public key in a file, or the address of a key set, stands for a secret', async t => {
  const folder = t.testdir({ 'issuer.pem': pair.publicPem })
  const issuer = await startIssuer(t)
  issuer.publish(pair.jwk())
  for (const env of [{ JWT_PUBLIC_KEY: 'issuer.pem' }, { JWT_PUBLIC_KEY: pair.publicPem.replaceAll('\n', '\\n') }, { JWT_JWKS_URL: issuer.url }]) {
    const server = runServer(t, folder, { NODE_ENV: 'production', API_KEYS, ...env })
    const url = socketUrl(await server.ready())
    const alice = await connect(t, { url, token: pair.token(claims) })
    t.match(await alice.publish('lobby', 'hello'), { room: 'lobby' })
    t.equal((await connectRefused(t, { url, token: new KeyPair('RS256').token(claims, { kid: pair.kid }) })).status, 401)
    t.equal((await connectRefused(t, { url, token: token(claims, { secret: pair.publicPem }) })).status, 401)
    t.equal((await server.stop()).code, 0)
    t.notMatch(server.output, new RegExp(pair.publicPem.slice(40, 80).replaceAll(/[+/]/g, '.')), 'the log has no use for the key')
  }
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'nothing was written')
})

t.test('a key that cannot serve stops the start, is named, and is not repeated', async t => {
  const folder = t.testdir({ 'private.pem': pem(pair.privateKey), 'public.pem': pair.publicPem })
  const wrong: ReadonlyArray<readonly [env: Record<string, string>, says: RegExp]> = [
    [{ JWT_PUBLIC_KEY: 'private.pem' }, /^JWT_PUBLIC_KEY: expected a public key.*\n$/],
    [{ JWT_PUBLIC_KEY: 'missing.pem' }, /^JWT_PUBLIC_KEY: expected a PEM or the path of a file.*\n$/],
    [{ JWT_PUBLIC_KEY: 'public.pem', JWT_ALGORITHM: 'HS256' }, /^JWT_ALGORITHM: expected .*\n$/],
    [{ JWT_PUBLIC_KEY: 'public.pem', JWT_SECRET }, /^JWT_SECRET, JWT_PUBLIC_KEY: expected only one of them\n$/],
    [{ JWT_JWKS_URL: 'http://issuer.example/keys' }, /^JWT_JWKS_URL: expected an https URL.*\n$/]
  ]
  for (const [env, says] of wrong) {
    const { code, stderr, stdout } = await runServer(t, folder, { API_KEYS, ...env }).exit()
    t.equal(code, 1)
    t.match(stderr, says)
    t.equal(stdout, '')
    t.notOk(stderr.includes(pem(pair.privateKey).slice(40, 80)))
  }
})

t.test('with a public key a development start prints no token, and says how to connect with one of the issuer', async t => {
  const folder = t.testdir({ '.env': 'JWT_PUBLIC_KEY=issuer.pem\n', 'issuer.pem': pair.publicPem })
  const server = runServer(t, folder)
  const address = await server.ready()
  await server.prints('the second command', /curl [^]+?\/publish\n/)
  t.notMatch(server.stdout, /eyJ/)
  const tail = roomcast(t, folder, ['tail', '--url', address, '--room', 'lobby', '--token', pair.token(claims)])
  await tail.prints('its subscription', /"type":"subscribed"/)
})

t.test('without a secret, token and tail say in one line that only the issuer can sign', async t => {
  for (const env of [{ JWT_PUBLIC_KEY: pair.publicPem }, { JWT_JWKS_URL: 'https://issuer.example/keys' }]) {
    const folder = t.testdir({})
    for (const args of [['token', '--sub', 'alice'], ['tail']]) {
      const { code, stdout, stderr } = await roomcast(t, folder, args, { env }).exit()
      t.equal(code, 1)
      t.equal(stdout, '')
      t.match(stderr, /^With JWT_PUBLIC_KEY or JWT_JWKS_URL only the issuer can sign tokens.*JWT_SECRET.*\n$/)
    }
    t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'nothing was written')
  }
})
