import type { ServerProcess } from './server-process.ts'

/** What a node has counted: values by name and labels, as `roomcast_closes_total{code="1000"}`. */
export class Scrape {
  readonly text: string
  readonly #values: ReadonlyMap<string, number>

  constructor (text: string) {
    this.text = text
    this.#values = new Map([...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, series = '', value]) => [series, Number(value)]))
  }

  /** A value; 0 for what was never counted. */
  of (series: string): number {
    return this.#values.get(series) ?? 0
  }

  /** Several values. */
  all (...series: string[]): number[] {
    return series.map(one => this.of(one))
  }
}

export async function scrape (server: ServerProcess): Promise<Scrape> {
  const { status, text } = await server.get('/metrics')
  if (status !== 200) throw new Error(`${server.name} answered ${status}: ${text.slice(0, 1_000)}`)
  return new Scrape(text)
}
