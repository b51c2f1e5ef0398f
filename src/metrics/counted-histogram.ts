import { Histogram } from 'prom-client'
import type { Distribution } from '../core/distribution.ts'

type Values = Awaited<ReturnType<Histogram['get']>>

export interface CountedHistogramParts {
  readonly name: string
  readonly help: string
  readonly distribution: Distribution
}

/** A histogram that tells what was counted elsewhere: prom-client's own costs more a value than writing to a connection does. */
export class CountedHistogram extends Histogram {
  readonly #about: { readonly name: string, readonly help: string }
  readonly #distribution: Distribution

  constructor ({ name, help, distribution }: CountedHistogramParts) {
    super({ name, help, registers: [], buckets: [...distribution.bounds] })
    this.#about = { name, help }
    this.#distribution = distribution
  }

  override async get (): Promise<Values> {
    const { name } = this.#about
    const { bounds, counts, sum } = this.#distribution
    let count = 0
    const values = [...bounds, '+Inf'].map((le, index) => {
      count += counts[index] ?? 0
      return { metricName: `${name}_bucket`, labels: { le }, value: count }
    })
    const totals = [['sum', sum], ['count', count]] as const
    return {
      ...this.#about,
      type: 'histogram',
      aggregator: 'sum',
      values: [...values, ...totals.map(([end, value]) => ({ metricName: `${name}_${end}`, labels: {}, value }))]
      // What its type asks for beside that, an enum and a function, nobody reads.
    } as unknown as Values
  }

  /** What the registry reads for the text that Prometheus gets. */
  getForPromString (): Promise<Values> {
    return this.get()
  }
}
