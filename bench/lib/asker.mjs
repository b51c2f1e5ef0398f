// Asks one address again and again, in a thread of its own: the load generator's own delays are not the server's.
import { Agent, get } from 'node:http'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const PAUSE_MS = 10

/** Asks until `stop()`, which resolves with how long each answer took, in milliseconds. */
export function startAsking (url) {
  const worker = new Worker(new URL(import.meta.url), { workerData: url })
  return {
    stop: () => new Promise((resolve, reject) => {
      worker.once('message', resolve).once('error', reject)
      worker.postMessage('stop')
    })
  }
}

async function askOnce (agent) {
  const askedAt = performance.now()
  await new Promise((resolve, reject) => {
    get(workerData, { agent }, response => { response.resume().on('end', resolve) }).on('error', reject)
  })
  return performance.now() - askedAt
}

if (!isMainThread) {
  const stopping = new AbortController()
  parentPort.once('message', () => { stopping.abort() })
  const agent = new Agent({ keepAlive: true })
  const answers = []
  while (!stopping.signal.aborted) {
    answers.push(await askOnce(agent))
    await new Promise(resolve => { setTimeout(resolve, PAUSE_MS) })
  }
  agent.destroy()
  parentPort.postMessage(answers)
}
