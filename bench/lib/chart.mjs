import { median } from './figures.mjs'

const COLOURS = { roomcast: '#c2410c', 'socket.io': '#64748b', ws: '#0e7490', uws: '#4d7c0f' }
const PANEL = { width: 500, height: 260, left: 56, right: 16, top: 56, bottom: 44 }
const MEASURE = 'µs/delivery'

/** The SVG with one panel for each scenario in which a delivery was measured: bars for a single point, lines for how cost grows. */
export function drawCharts (results) {
  const panels = Object.values(results).filter(({ points }) => Object.values(points).every(bySide => MEASURE in (Object.values(bySide)[0] ?? {})))
  const columns = 2
  const rows = Math.ceil(panels.length / columns)
  const body = panels.map((panel, index) => {
    const [x, y] = [(index % columns) * PANEL.width, Math.floor(index / columns) * PANEL.height]
    return `<g transform="translate(${x} ${y})">${panel.isGrowth ? lines(panel) : bars(panel)}</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${columns * PANEL.width} ${rows * PANEL.height}" font-family="system-ui, sans-serif" font-size="11" fill="#334155">`,
    `<rect width="${columns * PANEL.width}" height="${rows * PANEL.height}" fill="#fff"/>`,
    ...body,
    '</svg>',
    ''
  ].join('\n')
}

function bars ({ title, points }) {
  const [bySide = {}] = Object.values(points)
  const entries = Object.entries(bySide).map(([side, figures]) => [side, median(figures[MEASURE])])
  const scale = scaleTo(Math.max(...entries.map(([, value]) => value)))
  const band = (PANEL.width - PANEL.left - PANEL.right) / entries.length
  return frame(title, scale) + entries.map(([side, value], index) => {
    const x = PANEL.left + band * index + band * 0.2
    const y = scale.y(value)
    return `<rect x="${n(x)}" y="${n(y)}" width="${n(band * 0.6)}" height="${n(scale.y(0) - y)}" fill="${COLOURS[side]}"/>` +
      text(x + band * 0.3, y - 4, value >= 100 ? Math.round(value) : value.toPrecision(2), 'middle') + text(x + band * 0.3, scale.y(0) + 16, side, 'middle')
  }).join('')
}

function lines ({ title, points }) {
  const labels = Object.keys(points)
  const sides = Object.keys(Object.values(points)[0] ?? {})
  const valueOf = (label, side) => median(points[label][side][MEASURE])
  const scale = scaleTo(Math.max(...labels.flatMap(label => sides.map(side => valueOf(label, side)))))
  const step = (PANEL.width - PANEL.left - PANEL.right - 60) / Math.max(1, labels.length - 1)
  const x = index => PANEL.left + 10 + step * index
  const axis = labels.map((label, index) => text(x(index), scale.y(0) + 16, Number(label).toLocaleString('en'), 'middle')).join('')
  return frame(title, scale) + axis + sides.map(side => {
    const at = labels.map((label, index) => [x(index), scale.y(valueOf(label, side))])
    const [lastX, lastY] = at.at(-1)
    return `<polyline points="${at.map(point => point.map(n).join(',')).join(' ')}" fill="none" stroke="${COLOURS[side]}" stroke-width="2"/>` +
      at.map(([cx, cy]) => `<circle cx="${n(cx)}" cy="${n(cy)}" r="3" fill="${COLOURS[side]}"/>`).join('') +
      `<g fill="${COLOURS[side]}">${text(lastX + 6, lastY + 4, side, 'start')}</g>`
  }).join('')
}

/** A vertical axis from zero to a round number. */
function scaleTo (highest) {
  const rough = highest / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? power
  const top = Math.ceil(highest / step) * step
  const height = PANEL.height - PANEL.top - PANEL.bottom
  return { y: value => PANEL.top + height * (1 - value / top), ticks: Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step) }
}

function frame (title, { y, ticks }) {
  const grid = ticks.map(tick => `<path d="M${PANEL.left} ${n(y(tick))}H${PANEL.width - PANEL.right}" stroke="#e2e8f0"/>` +
    text(PANEL.left - 6, y(tick) + 4, String(Number(tick.toPrecision(3))), 'end')).join('')
  return `<g font-size="11.5" font-weight="600">${text(PANEL.left, 20, title, 'start')}</g>${text(PANEL.left, 35, 'server CPU per delivery, µs', 'start')}${grid}`
}

function text (x, y, content, anchor) {
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}">${content}</text>`
}

function n (value) {
  return String(Math.round(value * 10) / 10)
}
