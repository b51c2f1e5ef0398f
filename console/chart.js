import { make, numberOf, timeOf, write } from './elements.js'

const SVG = 'http://www.w3.org/2000/svg'
/** Three minutes, at a sample every two seconds. */
const MAX_SAMPLES = 90
const [WIDTH, HEIGHT] = [MAX_SAMPLES - 1, 40]

/** A line of the last minutes, with its present and its largest value in words. */
export class Chart {
  #samples = []
  #value = make('output', { className: 'value', textContent: '–' })
  #peak = make('span', { className: 'note', textContent: '\u00a0' })
  #line = draw('path', { class: 'line' })
  #area = draw('path', { class: 'area' })
  #mark = draw('line', { class: 'mark', y1: 0, y2: HEIGHT, visibility: 'hidden' })
  element

  constructor ({ title, unit }) {
    const picture = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' })
    picture.append(this.#area, this.#line, this.#mark)
    picture.addEventListener('pointermove', ({ clientX }) => {
      const { left, width } = picture.getBoundingClientRect()
      this.#point(Math.round((clientX - left) / width * WIDTH) - (MAX_SAMPLES - this.#samples.length))
    })
    picture.addEventListener('pointerleave', () => { this.#show() })
    const caption = make('figcaption', {}, make('span', { className: 'title', textContent: title }), this.#value, make('span', { className: 'unit', textContent: unit }), this.#peak)
    this.element = make('figure', { className: 'chart' }, caption, picture)
  }

  /** `value` is undefined where there is none, such as a rate at the first look: the line has a hole there. */
  add (value, at = Date.now()) {
    this.#samples.push({ at, value })
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
    this.#show()
  }

  #show () {
    const values = this.#samples.map(({ value }) => value)
    const peak = Math.max(0, ...values.filter(value => value !== undefined))
    const points = values.map((value, index) => value === undefined ? undefined : `${MAX_SAMPLES - values.length + index},${(HEIGHT - 1 - value / (peak || 1) * (HEIGHT - 3)).toFixed(2)}`)
    const runs = runsOf(points)
    this.#line.setAttribute('d', runs.map(run => `M${run.join('L')}`).join(''))
    this.#area.setAttribute('d', runs.map(run => `M${run[0].split(',')[0]},${HEIGHT}L${run.join('L')}L${run.at(-1).split(',')[0]},${HEIGHT}Z`).join(''))
    this.#mark.setAttribute('visibility', 'hidden')
    write(this.#value, numberOf(values.at(-1)))
    write(this.#peak, values.some(value => value !== undefined) ? `peak ${numberOf(peak)}` : '\u00a0')
  }

  /** Tells the sample under the pointer instead of the last. */
  #point (index) {
    const sample = this.#samples[index]
    if (sample?.value === undefined) return
    const x = MAX_SAMPLES - this.#samples.length + index
    for (const [name, value] of Object.entries({ x1: x, x2: x, visibility: 'visible' })) this.#mark.setAttribute(name, value)
    write(this.#value, numberOf(sample.value))
    write(this.#peak, `at ${timeOf(sample.at)}`)
  }
}

function draw (tag, attributes) {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

/** The points that follow each other without a hole. */
function runsOf (points) {
  const runs = [[]]
  for (const point of points) {
    if (point === undefined) runs.push([])
    else runs.at(-1).push(point)
  }
  return runs.filter(run => run.length > 0)
}
