import { byId, make, numberOf, since, timeOf, write } from './elements.js'

/** The nodes of the cluster, a row for each, which stays in place while only its numbers change. */
export class NodeTable {
  #body = byId('nodes')
  /** By nodeId. */
  #rows = new Map()

  show (nodes) {
    write(byId('nodes-error'), '')
    write(byId('node-count'), String(nodes.length))
    for (const [nodeId, row] of this.#rows) {
      if (nodes.some(node => node.nodeId === nodeId)) continue
      row.remove()
      this.#rows.delete(nodeId)
    }
    for (const node of nodes) {
      const row = this.#rows.get(node.nodeId) ?? this.#add(node)
      const texts = [since(node.startedAt), timeOf(node.leaseEndsAt), numberOf(node.connections), numberOf(node.rooms)]
      for (const [index, text] of texts.entries()) write(row.cells[index + 3], text)
    }
  }

  failed (message) {
    write(byId('nodes-error'), message)
  }

  #add ({ nodeId, nodeName, version }) {
    const cells = ['', '', 'number', 'number'].map(className => make('td', { className }))
    const row = make('tr', {},
      make('th', { scope: 'row', textContent: nodeName }),
      make('td', {}, make('code', { textContent: nodeId })),
      make('td', { textContent: version }),
      ...cells)
    this.#rows.set(nodeId, row)
    this.#body.append(row)
    return row
  }
}
