import { byId, onSubmit } from './elements.js'

/** Asks before it disconnects: what the client shall do, and why. */
export class DisconnectDialog {
  #dialog = byId('disconnect')
  #form = this.#dialog.querySelector('form')
  #end

  constructor () {
    onSubmit(this.#form, byId('disconnect-error'), async ({ code, reason }) => {
      await this.#end({ code: code.value, ...reason.value !== '' && { reason: reason.value } })
      this.#dialog.close('done')
    })
  }

  /** Resolves when the dialog is closed: whether `end`, which is given the code and reason, was done. */
  ask (title, end) {
    this.#end = end
    this.#form.reset()
    byId('disconnect-title').textContent = `${title}?`
    byId('disconnect-error').textContent = ''
    this.#dialog.returnValue = ''
    this.#dialog.showModal()
    return new Promise(resolve => {
      this.#dialog.addEventListener('close', () => { resolve(this.#dialog.returnValue === 'done') }, { once: true })
    })
  }
}
