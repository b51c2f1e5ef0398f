import { median, printTable } from './figures.mjs'

/** What is promised, each with the figure that it is about and what that has to be; of the peers, in the same run. */
const PROMISES = [
  ['CPU per delivery under load ≤ 1/5 of Socket.IO', at => at('load', '1,000', 'roomcast', 'µs/delivery') / at('load', '1,000', 'socket.io', 'µs/delivery'), 0.2],
  ['CPU per delivery under load ≤ 1.25 × uWebSockets.js', at => at('load', '1,000', 'roomcast', 'µs/delivery') / at('load', '1,000', 'uws', 'µs/delivery'), 1.25],
  ['CPU per delivery, single messages ≤ 0.75 × Socket.IO', at => at('single', '1,000', 'roomcast', 'µs/delivery') / at('single', '1,000', 'socket.io', 'µs/delivery'), 0.75],
  ['RSS per idle connection ≤ 14 KB', at => at('storm', '5000', 'roomcast', 'KB/idle connection'), 14],
  ['RSS per idle connection ≤ 0.5 × Socket.IO', at => at('storm', '5000', 'roomcast', 'KB/idle connection') / at('storm', '5000', 'socket.io', 'KB/idle connection'), 0.5],
  ['CPU per accepted connection ≤ 0.6 × Socket.IO', at => at('storm', '5000', 'roomcast', 'µs/connection') / at('storm', '5000', 'socket.io', 'µs/connection'), 0.6],
  ['REST, one each ≥ 8,000/s', at => at('rest', 'one each, 64 at once', 'roomcast', 'publications/s'), 8_000, 'at least'],
  ['REST, batches of 1,000 ≥ 30,000/s', at => at('rest', 'batches of 1,000, 2 at once', 'roomcast', 'publications/s'), 30_000, 'at least'],
  ['/live ≤ 50 ms at the 99th percentile', at => at('live', '10,000', 'roomcast', '/live p99 ms'), 50]
]

/** Prints one point of a scenario: a line for each side, with the median of the rounds and their spread. */
export function printPoint (title, bySide) {
  const [first] = Object.values(bySide)
  const measures = Object.keys(first)
  printTable(title, [['', ...measures], ...Object.entries(bySide).map(([side, figures]) => [side, ...measures.map(name => spreadOf(figures[name]))])])
}

/** Compares what was measured with what is promised; what was not measured is left out. Resolves with the lines. */
export function judge (results) {
  const at = (scenario, point, side, name) => median(results[scenario]?.points[point]?.[side]?.[name] ?? [])
  return PROMISES.flatMap(([promise, value, bound, kind = 'at most']) => {
    const figure = value(at)
    if (Number.isNaN(figure) || figure === undefined) return []
    return [{ promise, figure, isKept: kind === 'at most' ? figure <= bound : figure >= bound }]
  })
}

export function printJudgement (judgement) {
  printTable('What is promised', [['', 'measured', ''], ...judgement.map(({ promise, figure, isKept }) => [promise, format(figure), isKept ? 'kept' : 'MISSED'])])
}

function spreadOf (values) {
  return `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))})`
}

export function format (value) {
  if (value === undefined || Number.isNaN(value)) return '–'
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
