import type { Test } from 'tap'
import type { Broker } from '../../src/core/broker.ts'
import { BrokerCluster, BrokerNode } from './broker-cluster.ts'
import { contentTests } from './broker-suite/content.ts'
import { deliveryTests } from './broker-suite/delivery.ts'
import { endTests } from './broker-suite/end.ts'
import { historyTests } from './broker-suite/history.ts'
import { numberingTests } from './broker-suite/numbering.ts'
import { orderTests } from './broker-suite/order.ts'
import { retryTests, turnTests, volatileTests } from './broker-suite/retry.ts'
import { roomTests } from './broker-suite/rooms.ts'
import { twoNodeTests } from './broker-suite/two-nodes.ts'

/** Makes the brokers of `count` nodes on one fresh backend, not started yet, and tears down by `t.after` what they stand on. */
export type MakeBrokers = (t: Test, count: 1 | 2) => Promise<Broker[]>

export type BrokerConformanceOptions =
  | { readonly nodes: 2 }
  /** A waiver: why there can be no second node. */
  | { readonly nodes: 1, readonly reason: string }

export type StartCluster = (t: Test, count?: 1 | 2) => Promise<BrokerCluster>

/** The suite that every broker must pass: the contract of src/core/broker.ts, sentence by sentence. */
export function brokerConformance (t: Test, name: string, makeBrokers: MakeBrokers, options: BrokerConformanceOptions = { nodes: 2 }): void {
  assertOptions(options)
  const start: StartCluster = async (t, count = 1) => {
    const brokers = await makeBrokers(t, count)
    const nodes = brokers.map(broker => new BrokerNode(broker))
    t.after(() => Promise.all(brokers.map(broker => broker.close())))
    for (const node of nodes) await node.start()
    return new BrokerCluster(nodes)
  }
  t.test(`${name} numbers publications`, async t => { numberingTests(t, start) })
  t.test(`${name} delivers publications`, async t => { deliveryTests(t, start) })
  t.test(`${name} obeys in order`, async t => { orderTests(t, start) })
  t.test(`${name} does not touch what it carries`, async t => { contentTests(t, start) })
  t.test(`${name} keeps rooms apart`, async t => { roomTests(t, start) })
  t.test(`${name} keeps a history`, async t => { historyTests(t, start) })
  t.test(`${name} makes a retry safe`, async t => { retryTests(t, start) })
  t.test(`${name} takes many publishes at once`, async t => { turnTests(t, start) })
  t.test(`${name} sends what is volatile`, async t => { volatileTests(t, start) })
  t.test(`${name} ends`, async t => { endTests(t, start) })
  if (options.nodes === 1) t.comment(`${name} is not tested with two nodes: ${options.reason}`)
  else t.test(`${name} joins nodes`, async t => { twoNodeTests(t, start) })
}

function assertOptions (options: BrokerConformanceOptions): void {
  const known = options.nodes === 1 ? ['nodes', 'reason'] : ['nodes']
  const unknown = Object.keys(options).filter(key => !known.includes(key))
  if (unknown.length > 0) throw new Error(`the broker conformance suite knows no option ${unknown.join(', ')}`)
  if (options.nodes !== 1 && options.nodes !== 2) throw new Error('the broker conformance suite runs with 1 or 2 nodes')
  if (options.nodes === 1 && !options.reason) throw new Error('a run with one node needs a reason')
}
