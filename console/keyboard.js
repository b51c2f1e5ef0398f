import { byId } from './elements.js'

const KEY = 'roomcast-console-single-keys'

/**
 * Keys for who leaves the mouse alone. Single letters act only outside of fields, and can be turned off (WCAG 2.2, 2.1.4); `actions` are by
 * letter.
 */
export function listenForKeys (actions) {
  const choice = byId('single-keys')
  choice.checked = localStorage.getItem(KEY) !== 'off'
  choice.addEventListener('change', () => { localStorage.setItem(KEY, choice.checked ? 'on' : 'off') })
  document.addEventListener('keydown', event => {
    const { key, target, ctrlKey, metaKey, altKey } = event
    const isField = target.matches('input:not([type=checkbox]), textarea, select')
    if (key === 'Escape' && isField && target.closest('dialog') === null) return target.blur()
    if (isField || ctrlKey || metaKey || altKey || !choice.checked || document.querySelector('dialog[open]') !== null) return
    const act = actions[key]
    if (act === undefined) return
    event.preventDefault()
    act()
  })
}
