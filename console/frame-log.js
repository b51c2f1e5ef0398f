import { byId, make, timeOf, write } from './elements.js'

const MAX_LINES = 500
const MAX_CHARACTERS = 2_000
/** How often the newest line is told to whoever cannot see it, in milliseconds: rooms may be busier than anyone can listen. */
const NEWS_MS = 3_000

const signs = { sent: '↑', received: '↓', note: '•' }

/** The frames that went by, the newest last; so many, and no more. */
export class FrameLog {
  #list = byId('frames').firstElementChild
  #view = byId('frames')
  #filter = byId('frame-filter')
  /** Lines that wait for the next picture, or for the end of a pause. */
  #waiting = []
  #total = 0
  #isPaused = false
  #isDrawing = false
  #toldAt = -NEWS_MS

  constructor () {
    byId('clear-frames').addEventListener('click', () => { this.clear() })
    byId('pause-frames').addEventListener('click', () => { this.pause() })
    this.#filter.addEventListener('input', () => { for (const line of this.#list.children) this.#match(line) })
  }

  /** What passed over the connection. Tokens are credentials: of a refresh everything else is shown. */
  frame (direction, { type, ...content }) {
    if (type === 'refresh') content.token = '…'
    this.#add({ direction, type, text: JSON.stringify(content) })
  }

  /** What happened to the connection. */
  note (type, text) {
    this.#add({ direction: 'note', type, text })
  }

  clear () {
    this.#waiting = []
    this.#total = 0
    this.#list.replaceChildren()
    write(byId('frame-count'), '0')
  }

  /** Holds the log still, or lets it go on with what came meanwhile. */
  pause () {
    this.#isPaused = !this.#isPaused
    byId('pause-frames').setAttribute('aria-pressed', String(this.#isPaused))
    if (!this.#isPaused) this.#draw()
  }

  #add (line) {
    this.#total++
    this.#waiting.push({ ...line, at: Date.now() })
    // A page that is not seen draws nothing.
    if (this.#waiting.length > MAX_LINES) this.#waiting.shift()
    if (this.#isPaused || this.#isDrawing) return
    this.#isDrawing = true
    requestAnimationFrame(() => {
      this.#isDrawing = false
      if (!this.#isPaused) this.#draw()
    })
  }

  #draw () {
    const { scrollTop, scrollHeight, clientHeight } = this.#view
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 40
    const lines = this.#waiting.splice(0)
    this.#list.append(...lines.map(line => this.#match(lineOf(line))))
    while (this.#list.childElementCount > MAX_LINES) this.#list.firstElementChild.remove()
    if (isAtEnd) this.#view.scrollTop = this.#view.scrollHeight
    write(byId('frame-count'), String(this.#total))
    this.#tell(lines.at(-1))
  }

  #match (line) {
    line.hidden = !line.textContent.toLowerCase().includes(this.#filter.value.trim().toLowerCase())
    return line
  }

  #tell (line) {
    if (line === undefined || performance.now() - this.#toldAt < NEWS_MS) return
    this.#toldAt = performance.now()
    byId('frame-news').textContent = `${line.direction === 'note' ? '' : `${line.direction} `}${line.type}, ${this.#total} in all`
  }
}

function lineOf ({ at, direction, type, text }) {
  const line = make('li', {},
    make('time', { textContent: timeOf(at) }),
    make('span', { className: 'sign', title: direction, textContent: signs[direction] }),
    make('span', { className: 'type', textContent: type }),
    make('code', { textContent: text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text }))
  line.dataset.direction = direction
  line.dataset.type = type
  return line
}
