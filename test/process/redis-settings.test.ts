import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createCertificates } from '../helpers/certificates.ts'
import { refusal } from './reading.ts'

const SENTINELS = { REDIS_SENTINELS: 'sentinel-1:26379' }
const { caFile, keyFile } = await createCertificates(t)

t.test('what names the Sentinels fits together', async t => {
  const env = { ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster' }
  t.match(refusal({ ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster', REDIS_SENTINELS: '127.0.0.1:99999' }), /^REDIS_SENTINELS: expected host:port, not 127\.0\.0\.1:99999/)
  for (const url of ['redis://:hunter2@127.0.0.1', 'redis://:hunter2@mymaster:6379']) {
    const message = refusal({ ...env, REDIS_URL: url })
    t.match(message, /^REDIS_URL: expected mymaster for host, without a port/)
    t.notMatch(message, 'hunter2')
  }
  t.match(refusal({ ...env, REDIS_CA_FILE: caFile }), /^REDIS_CA_FILE: expected REDIS_URL to be a rediss:/)
  t.match(refusal({ ...env, REDIS_SENTINEL_USER: 'roomcast' }), /^REDIS_SENTINEL_USER: expected REDIS_SENTINEL_PASSWORD too/)
})

t.test('what names a Redis Cluster fits together', async t => {
  const env = { REDIS_CLUSTER_NODES: '127.0.0.1:7000' }
  for (const url of ['redis://:hunter2@127.0.0.1', 'redis://:hunter2@cluster:6379', 'redis://:hunter2@cluster/1']) {
    const message = refusal({ ...env, REDIS_URL: url })
    t.match(message, /^REDIS_URL: expected cluster for host, without a port or a database/)
    t.notMatch(message, 'hunter2')
  }
  t.match(refusal({ ...env, ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster' }), /^REDIS_CLUSTER_NODES: expected no REDIS_SENTINELS/)
  t.match(refusal({ ...env, REDIS_CA_FILE: caFile }), /^REDIS_CA_FILE: expected REDIS_URL to be a rediss:/)
})

t.test('REDIS_CA_FILE must be there, and hold a certificate and nothing that is broken', async t => {
  const broken = t.testdir({ 'empty.pem': '', 'cut.pem': (await readFile(caFile, 'utf8')).replace(/.{40}\n/, '\n') })
  for (const path of ['/nowhere/ca.pem', keyFile, join(broken, 'empty.pem'), join(broken, 'cut.pem')]) {
    t.match(refusal({ REDIS_URL: 'rediss://127.0.0.1', REDIS_CA_FILE: path }), /^REDIS_CA_FILE: expected a PEM file/, path)
  }
})

t.end()
