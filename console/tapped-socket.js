/** A WebSocket class that tells every frame that passes, and each end, before the client acts on it. */
export function tapped ({ onFrame, onClose }) {
  return class extends WebSocket {
    constructor (url, protocols) {
      super(url, protocols)
      this.addEventListener('message', ({ data }) => { onFrame('received', JSON.parse(data)) })
      this.addEventListener('close', ({ code, reason }) => { onClose(code, reason) })
    }

    send (text) {
      super.send(text)
      onFrame('sent', JSON.parse(text))
    }
  }
}
