import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

export interface Certificates {
  /** Of the authority. */
  readonly caFile: string
  /** Of a server at 127.0.0.1 and at ::1 for which the authority vouches. */
  readonly certFile: string
  readonly keyFile: string
}

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Makes a private authority and a server's certificate from it, good for a day; they go with the test. */
export async function createCertificates (t: Pick<Test, 'after'>): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'roomcast-tls-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder })
  await writeFile(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,IP:::1')
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority', '-days', '1')
  await openssl('req', ...newKey, '-keyout', 'redis.key', '-out', 'redis.csr', '-subj', '/CN=redis')
  await openssl('x509', '-req', '-in', 'redis.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'redis.pem', '-days', '1', '-extfile', 'names')
  return { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'redis.pem'), keyFile: join(folder, 'redis.key') }
}
