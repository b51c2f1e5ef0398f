import { byId, write } from './elements.js'
import { Chart } from './chart.js'

/** Those of the cluster, from `/nodes`, and those of the node that answers, from `/metrics`, by the counters that they are made of. */
const charts = [
  { title: 'Connections', unit: 'in the cluster', ofNodes: 'connections' },
  { title: 'Rooms', unit: 'on all nodes', ofNodes: 'rooms' },
  { title: 'Connects', unit: 'a second', counter: 'roomcast_connects_total' },
  { title: 'Frames from clients', unit: 'a second', counter: 'roomcast_frames_total' },
  { title: 'Publications', unit: 'a second', counter: 'roomcast_published_total' },
  { title: 'Deliveries', unit: 'a second', counter: 'roomcast_deliveries_total' }
]

/** Names a process among those that a load balancer may ask in turn. */
const PROCESS = 'process_start_time_seconds'

/** The live charts. */
export class Rates {
  #charts = charts.map(chart => ({ ...chart, chart: new Chart(chart) }))
  /** Of each process that answered, what its counters were, and when. */
  #last = new Map()

  constructor () {
    byId('charts').replaceChildren(...this.#charts.map(({ chart }) => chart.element))
  }

  nodes (nodes) {
    for (const { ofNodes, chart } of this.#charts) {
      if (ofNodes !== undefined) chart.add(nodes.reduce((sum, node) => sum + node[ofNodes], 0))
    }
  }

  metrics (text) {
    write(byId('rates-note'), 'Rates are those of the node that answers this page.')
    const now = { at: performance.now(), totals: parse(text) }
    const process = now.totals.get(PROCESS)
    const before = this.#last.get(process)
    this.#last.set(process, now)
    for (const { counter, chart } of this.#charts) {
      if (counter !== undefined) chart.add(before && rate(counter, before, now))
    }
  }

  /** Says why there are none. */
  failed (message) {
    write(byId('rates-note'), `There are no rates: ${message}.`)
  }
}

function rate (counter, before, now) {
  const difference = (now.totals.get(counter) ?? 0) - (before.totals.get(counter) ?? 0)
  return difference / (now.at - before.at) * 1_000
}

/** The text format of Prometheus: the sum of each metric over its labels. */
export function parse (text) {
  const totals = new Map()
  for (const [, name, value] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/gm)) {
    totals.set(name, (totals.get(name) ?? 0) + Number(value))
  }
  return totals
}
