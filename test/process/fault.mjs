// Loaded into a server by `NODE_OPTIONS=--import`: a bug that nobody foresaw, of the kind that FAULT names, when SIGWINCH comes.
const fault = () => Object.assign(new Error('a bug that nobody foresaw'), { command: { name: 'auth', args: ['a-password-of-nobody'] } })

const faults = {
  exception: () => { throw fault() },
  rejection: () => { Promise.reject(fault()) },
  'no error': () => { Promise.reject(process.env.FAULT) },
  'many errors': () => { setInterval(() => { throw fault() }, 5) }
}

process.on('SIGWINCH', () => { setImmediate(faults[process.env.FAULT]) })
