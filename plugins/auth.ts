import { createHash, timingSafeEqual } from 'node:crypto'
import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import { createDecoder, createVerifier as createKeyVerifier, type VerifierOptions } from 'fast-jwt'
import fp from 'fastify-plugin'
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { ApiKey, Scope, Settings } from '../src/config.ts'
import { ask } from '../src/core/ask.ts'
import { parseClaims, type Claims } from '../src/core/claims.ts'
import { RoomcastError } from '../src/core/errors.ts'
import { MAX_TOKEN_LENGTH } from '../src/core/frames.ts'
import type { TokenAlgorithm } from '../src/tokens/algorithms.ts'
import { KeySet } from '../src/tokens/key-set.ts'
import { parsePublicKey, toPem } from '../src/tokens/public-key.ts'

/** Who may connect, and which backend may do what. */
export interface RoomcastAuth {
  /**
   * Who opens a connection.
   * @throws RoomcastError `unauthorized`, or `unavailable` where the token's issuer must be asked for a key and cannot be reached
   */
  connection: (request: FastifyRequest) => Promise<Claims>
  /**
   * What a token says that a client brings over its connection.
   * @throws RoomcastError `unauthorized`, also where the host says who connects, or `unavailable` as above
   */
  verify: (token: string) => Promise<Claims>
  /** A hook that lets only bearers of a scope pass: API keys, or tokens with that scope. */
  requireScope: (scope: Scope) => onRequestAsyncHookHandler
}

declare module 'fastify' {
  interface FastifyInstance {
    roomcastAuth: RoomcastAuth
  }
  interface FastifyRequest {
    /** Who asks, where a scope was required: the name of an API key, or a token's user, told apart. */
    roomcastCaller: string
  }
}

const NAMESPACE = 'roomcast'

/** In a list of WebSocket subprotocols, what precedes the token of a browser, which cannot set headers. */
const SUBPROTOCOL_PREFIX = 'bearer.'

/** Authenticates connections by token, or by the host's function, and backend services by API key or scope. */
export default fp(async (app: FastifyInstance) => {
  const { roomcastSettings: settings, roomcastFunctions: { authenticate } } = app
  const verify = await createVerifier(app, settings)
  const apiKeys = settings.apiKeys.map(apiKey => ({ ...apiKey, digest: sha256(apiKey.key) }))
  // The node, which knows what was revoked, needs this plugin itself, and is there when the first request comes.
  const valid = (claims: Claims): Claims => {
    app.roomcastNode.revoker.assertValid(claims)
    return claims
  }

  app.decorateRequest('roomcastCaller', '')
  app.decorate('roomcastAuth', {
    async connection (request) {
      if (authenticate === undefined) return valid(await verify(tokenOf(request)))
      return valid(parseClaims(await ask(() => authenticate(request), cause => new RoomcastError('unauthorized', { cause }))))
    },
    async verify (token) {
      if (authenticate !== undefined) throw new RoomcastError('unauthorized', { message: 'Who connects here brings no new token: connect again' })
      return valid(await verify(token))
    },
    requireScope: scope => async request => {
      const credential = bearerOf(request)
      if (credential === undefined) throw new RoomcastError('unauthorized')
      const apiKey = findKey(apiKeys, credential)
      const bearer = apiKey === undefined ? byToken(valid(await verify(credential))) : byKey(apiKey)
      if (bearer.scopes?.includes(scope) === false) throw new RoomcastError('scope_forbidden')
      request.roomcastCaller = bearer.name
    }
  })
}, { name: 'roomcast-auth', dependencies: ['roomcast-settings'], fastify: '5.x' })

/** Who a credential names, and what it allows; without a list of scopes all. */
interface Bearer {
  readonly name: string
  readonly scopes?: readonly string[] | undefined
}

function byKey ({ name, scopes }: ApiKey): Bearer {
  return { name: `key:${name}`, scopes }
}

function byToken ({ sub, scope = '' }: Claims): Bearer {
  return { name: `token:${sub}`, scopes: scope.split(' ') }
}

/** What checks a token's signature and its registered claims, and answers its payload. */
type Check = (token: string) => object | Promise<object>

/** A function that checks a token whole, and answers its claims. */
async function createVerifier (app: FastifyInstance, settings: Settings): Promise<(token: string | undefined) => Promise<Claims>> {
  const check = await createCheck(app, settings)
  return async token => {
    if (check === undefined || token === undefined || token.length > MAX_TOKEN_LENGTH) throw new RoomcastError('unauthorized')
    let payload: object
    try {
      payload = await check(token)
    } catch (cause) {
      throw cause instanceof RoomcastError ? cause : new RoomcastError('unauthorized', { cause })
    }
    return parseClaims(payload)
  }
}

async function createCheck (app: FastifyInstance, settings: Settings): Promise<Check | undefined> {
  const { jwtSecret, jwtPublicKey, jwtJwksUrl, jwtAlgorithm, jwtAudience, jwtIssuer } = settings
  // No `cache`: it has answered the claims of another token before.
  const rules = {
    algorithms: [jwtAlgorithm],
    // An audience or issuer that is checked must be there: fast-jwt passes a token without one.
    requiredClaims: ['sub', 'exp', ...jwtAudience === undefined ? [] : ['aud'], ...jwtIssuer === undefined ? [] : ['iss']],
    ...jwtAudience !== undefined && { allowedAud: jwtAudience },
    ...jwtIssuer !== undefined && { allowedIss: jwtIssuer }
  }
  if (jwtSecret !== undefined) return checkBy(app, jwtSecret, rules)
  // In the form that fast-jwt knows for a public key whatever surrounded it, and never takes for a secret.
  if (jwtPublicKey !== undefined) return checkBy(app, { public: toPem(parsePublicKey(jwtPublicKey)) }, rules)
  if (jwtJwksUrl !== undefined) return checkBySet(app, { url: jwtJwksUrl, algorithm: jwtAlgorithm, rules })
  return undefined
}

/** Checks by one secret or key. */
async function checkBy (app: FastifyInstance, secret: FastifyJWTOptions['secret'], rules: Partial<VerifierOptions>): Promise<Check> {
  // The host may have a `jwt` decorator; ours stays in this scope, and so do its words on requests.
  app.decorate('jwt', Object.create(null) as JWT)
  await app.register(fastifyJwt, { secret, namespace: NAMESPACE, verify: rules })
  const jwt = (app.jwt as unknown as Record<typeof NAMESPACE, JWT>)[NAMESPACE]
  return token => jwt.verify<object>(token)
}

/** Checks by the keys of an issuer, each with a verifier of its own: making one costs more than a check. */
function checkBySet (app: FastifyInstance, { url, algorithm, rules }: { url: string, algorithm: TokenAlgorithm, rules: Partial<VerifierOptions> }): Check {
  const decode = createDecoder({ complete: true }) as (token: string) => { header: { alg?: unknown, kid?: unknown } }
  const keys = new KeySet({ url, algorithm, log: app.log, prepare: key => createKeyVerifier({ ...rules, key }) as (token: string) => object })
  // At once, so that a wrong address is in the log before the first client comes; but a start does not depend on another service.
  app.addHook('onReady', async () => { keys.refresh() })
  // Not later: the server waits for requests that wait for the issuer.
  app.addHook('preClose', async () => { keys.close() })
  return async token => {
    const { header: { alg, kid } } = decode(token)
    // Before the set is asked: such tokens cause no fetch.
    if (alg !== algorithm || !(kid === undefined || typeof kid === 'string')) throw new Error('the header of the token is not acceptable')
    const verify = await keys.find(kid)
    return verify(token)
  }
}

/** The token of a connection: in the header, in the list of subprotocols, or in the query. Two that differ are none. */
function tokenOf (request: FastifyRequest): string | undefined {
  const { token } = request.query as { token?: string | string[] }
  const found = new Set([
    request.headers.authorization === undefined ? undefined : bearerOf(request) ?? '',
    ...protocolsOf(request).filter(name => name.startsWith(SUBPROTOCOL_PREFIX)).map(name => name.slice(SUBPROTOCOL_PREFIX.length)),
    ...[token].flat()
  ])
  found.delete(undefined)
  return found.size === 1 ? [...found][0] : undefined
}

function protocolsOf ({ headers }: FastifyRequest): string[] {
  return headers['sec-websocket-protocol']?.split(',').map(name => name.trim()) ?? []
}

/** RFC 6750 §2.1. */
function bearerOf ({ headers: { authorization } }: FastifyRequest): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(authorization ?? '')?.[1]
}

/** Compares digests, all of them, so that the time tells nothing about a key. */
function findKey (apiKeys: ReadonlyArray<ApiKey & { readonly digest: Buffer }>, credential: string): ApiKey | undefined {
  const asked = sha256(credential)
  return apiKeys.filter(({ digest }) => timingSafeEqual(digest, asked))[0]
}

function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
