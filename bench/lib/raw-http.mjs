import { connect } from 'node:net'

/** An HTTP/1.1 client on one socket that stays open: posts one body after the other, and reads no more of an answer than its status and length. */
class PostConnection {
  #socket
  #left = Buffer.alloc(0)
  #waiting

  constructor (port) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true)
    this.#socket.on('data', chunk => { this.#take(chunk) }).on('error', error => { this.#waiting?.reject(error) })
  }

  post (head, body) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    })
  }

  destroy () {
    this.#socket.destroy()
  }

  #take (chunk) {
    const answer = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk])
    const headEnd = answer.indexOf('\r\n\r\n')
    const length = headEnd === -1 ? undefined : /content-length: (\d+)/i.exec(answer.latin1Slice(0, headEnd))?.[1]
    if (length === undefined || answer.length < headEnd + 4 + Number(length)) {
      this.#left = answer
      return
    }
    this.#left = Buffer.alloc(0)
    const status = answer.latin1Slice(9, 12)
    if (status === '200') this.#waiting.resolve()
    else this.#waiting.reject(new Error(`status ${status}: ${answer.toString('utf8', headEnd + 4)}`))
  }
}

/** Posts JSON with a bearer, over as many sockets as there are posts at once. Costs less than any server that it measures. */
export class Poster {
  #port
  #bearer
  #all = []
  #idle = []

  constructor (port, bearer) {
    this.#port = port
    this.#bearer = bearer
  }

  /** Rejects unless the answer is 200. */
  async post (path, body) {
    const connection = this.#idle.pop() ?? this.#open()
    try {
      await connection.post(`POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${this.#bearer}\r\ncontent-type: application/json\r\n`, body)
    } finally {
      this.#idle.push(connection)
    }
  }

  destroy () {
    for (const connection of this.#all) connection.destroy()
  }

  #open () {
    const connection = new PostConnection(this.#port)
    this.#all.push(connection)
    return connection
  }
}
