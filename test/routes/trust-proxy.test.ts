import t from 'tap'
import { startServer, type ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'

/** Where this test connects from. */
const HERE = '127.0.0.1'
const CLAIMED = '203.0.113.7'

/** What the log says of who asked, for one request that claims to be forwarded. */
async function addressOf (server: ServerProcess, forwardedFor: string): Promise<unknown> {
  const path = `/nothing-${server.logs.length}`
  await server.fetch(path, { headers: { 'x-forwarded-for': forwardedFor } })
  const isLine = (line: string): boolean => line.includes(`"${path}"`)
  await until('line of the log', true, () => server.logs.some(isLine))
  return (JSON.parse(server.logs.find(isLine) ?? '{}') as { req?: { remoteAddress?: unknown } }).req?.remoteAddress
}

for (const { trusted, believed, why } of [
  { trusted: 'false', believed: HERE, why: 'nobody is believed' },
  { trusted: '10.0.0.0/8,fd00::/8', believed: HERE, why: 'who is no proxy of ours is not believed' },
  { trusted: '10.0.0.0/8,127.0.0.0/8', believed: CLAIMED, why: 'our proxy is believed' },
  { trusted: 'true', believed: CLAIMED, why: 'anyone is believed' }
]) {
  t.test(`with TRUST_PROXY=${trusted} ${why}`, async t => {
    const server = await startServer(t, { env: { TRUST_PROXY: trusted } })
    t.equal(await addressOf(server, CLAIMED), believed)
  })
}

t.test('of what a client claims itself, the address that our proxy added counts', async t => {
  const server = await startServer(t, { env: { TRUST_PROXY: HERE } })
  t.equal(await addressOf(server, `198.51.100.1, ${CLAIMED}`), CLAIMED)
})
