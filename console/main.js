import { Developer } from './developer.js'
import { byId } from './elements.js'
import { listenForKeys } from './keyboard.js'
import { Operator } from './operator.js'

/** Where the routes of the service are: beside the page, under whatever prefix. */
const base = new URL('..', import.meta.url)

const developer = new Developer({ base })
const operator = new Operator({ base })

let view = 'developer'

function show () {
  // Other anchors are places in a half.
  if (['#developer', '#operator'].includes(location.hash)) view = location.hash.slice(1)
  for (const name of ['developer', 'operator']) byId(`${name}-view`).hidden = name !== view
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${view}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  operator.show(view === 'operator')
}

/** Shows a half, and puts the focus where the work is. */
function goTo (half, focus) {
  location.hash = half
  show()
  focus()
}

const { elements: subscribe } = byId('subscribe')
const { elements: publish } = byId('publish')
const main = byId('main')

listenForKeys({
  d: () => { goTo('developer', () => { main.focus() }) },
  o: () => { goTo('operator', () => { (byId('opened').hidden ? byId('open').elements.key : main).focus() }) },
  r: () => { goTo('developer', () => { subscribe.room.focus() }) },
  m: () => { goTo('developer', () => { publish.data.focus() }) },
  f: () => { goTo('developer', () => { byId('frame-filter').focus() }) },
  u: () => { goTo('operator', () => { byId('find-user').elements.userId.focus() }) },
  p: () => { developer.log.pause() },
  c: () => { developer.log.clear() },
  '?': () => { byId('keys').showModal() }
})
byId('show-keys').addEventListener('click', () => { byId('keys').showModal() })
for (const button of document.querySelectorAll('[data-close]')) button.addEventListener('click', () => { button.closest('dialog').close() })

addEventListener('hashchange', show)
show()
