/** The element of an id; the page has it. */
export const byId = id => document.getElementById(id)

/** Makes an element with children, which are elements or text: what comes from others is text, never HTML. */
export function make (tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}

/** Runs what a form is for, instead of the browser: `act` is given its fields, and the button. What fails is told in `errorPlace`. */
export function onSubmit (form, errorPlace, act) {
  form.addEventListener('submit', async event => {
    event.preventDefault()
    errorPlace.textContent = ''
    try {
      await act(form.elements, event.submitter)
    } catch (error) {
      errorPlace.textContent = error.message
    }
  })
}

/** Writes text where it changed only: whoever reads the place, or has a selection in it, is not disturbed. */
export function write (element, text) {
  if (element.textContent !== text) element.textContent = text
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hour12: false })
const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

/** An instant of today. */
export const timeOf = instant => clock.format(instant)

/** Any instant. */
export const dateOf = instant => calendar.format(instant)

export const numberOf = value => value === undefined ? '–' : numbers.format(value)

/** How long it is since an instant, in its two largest units. */
export function since (instant, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - instant) / 1_000))
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60]
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}
