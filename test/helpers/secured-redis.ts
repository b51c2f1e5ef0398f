import type { Certificates } from './certificates.ts'
import { freePort } from './free-port.ts'
import type { RedisServer } from './redis-server.ts'

/** Who logs in with which password, and whose certificates all connections are made with. */
export interface Security {
  readonly certificates: Certificates
  readonly redis: Passwords
  readonly sentinels: Pick<Passwords, 'standard' | 'node'>
}

export interface Passwords {
  /** Of the user `default`; the Sentinels use theirs among themselves. */
  readonly standard: string
  /** Of the user `node`, who may do what a node needs. */
  readonly node: string
  /** Of the user `replica`, whom replicas and Sentinels log in as, and who may do nothing else. */
  readonly replica: string
}

// Redis documentation, "Redis Sentinel" and "ACL", on the users of Sentinels and of replicas.
const REPLICA_RULES = ['allchannels', '+psync', '+replconf', '+multi', '+slaveof', '+ping', '+exec', '+subscribe', '+config|rewrite', '+role',
  '+publish', '+info', '+client|setname', '+client|kill', '+script|kill']

/** Lets nobody in any more without a password, opens a port for TLS, which the Redis uses for its own connections too, and tells it. */
export async function secure (redis: RedisServer, { certificates: { caFile, certFile, keyFile }, redis: passwords }: Security): Promise<number> {
  const port = await freePort()
  await redis.command('CONFIG', 'SET', 'bind', '127.0.0.1 ::1', 'tls-cert-file', certFile, 'tls-key-file', keyFile, 'tls-ca-cert-file', caFile,
    'tls-auth-clients', 'no', 'tls-replication', 'yes', 'tls-port', `${port}`)
  await redis.command('ACL', 'SETUSER', 'replica', 'on', `>${passwords.replica}`, ...REPLICA_RULES)
  await redis.command('ACL', 'SETUSER', 'node', 'on', `>${passwords.node}`, '~*', '&*', '+@all')
  // The helper's own connection is authenticated already.
  await redis.command('CONFIG', 'SET', 'masteruser', 'replica', 'masterauth', passwords.replica, 'requirepass', passwords.standard)
  return port
}
