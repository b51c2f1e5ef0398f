import { median } from './figures.mjs'
import { format } from './report.mjs'

const BEGIN = '<!-- figures: written by `npm run bench` -->'
const END = '<!-- end of figures -->'

/** Puts the figures of a report between the marks of a document. */
export function withFigures (document, report) {
  const [before, rest = ''] = document.split(BEGIN)
  const [, after = ''] = rest.split(END)
  return `${before}${BEGIN}\n\n${figuresOf(report)}\n\n${END}${after}`
}

function figuresOf ({ machine, rounds, results, judgement }) {
  const { node, processor, cores, memoryGiB } = machine
  return [
    `Node ${node.slice(1)}, ${cores} cores (${processor.trim()}), ${memoryGiB} GiB; medians of ${rounds} rounds, the spread in brackets; of growth one round.`,
    table([['promise', 'measured', ''], ...judgement.map(({ promise, figure, isKept }) => [promise, format(figure), isKept ? 'kept' : '**missed**'])]),
    ...Object.values(results).map(section)
  ].join('\n\n')
}

function section ({ title, isGrowth, points }) {
  const body = isGrowth
    ? growth(points)
    : Object.entries(points).map(([point, bySide]) => [...Object.keys(points).length > 1 ? [`${point}:`] : [], table(pointRows(bySide))].join('\n\n')).join('\n\n')
  return `### ${title}\n\n${body}`
}

function pointRows (bySide) {
  const measures = Object.keys(Object.values(bySide)[0])
  return [['', ...measures], ...Object.entries(bySide).map(([side, figures]) => [side, ...measures.map(name => spread(figures[name]))])]
}

/** Of how cost grows: CPU per delivery, a column for each point. */
function growth (points) {
  const labels = Object.keys(points)
  const sides = Object.keys(points[labels[0]])
  return table([['µs/delivery', ...labels.map(label => Number(label).toLocaleString('en'))],
    ...sides.map(side => [side, ...labels.map(label => format(median(points[label][side]['µs/delivery'])))])])
}

function spread (values) {
  return values.length === 1 ? format(values[0]) : `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))})`
}

function table ([head, ...rows]) {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
