/** Places for all collections, so that relations cross little: what points stands left of what it points at. */
import dagre from '@dagrejs/dagre'
import type { Collection } from '../../api/types'
import { NODE_PX, heightOf, linksOf, type Place } from './model'

export function arrange(collections: Collection[], compact: boolean): Record<string, Place> {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 40, ranksep: 120 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const one of collections) graph.setNode(one.id, { width: NODE_PX, height: heightOf(one, compact) })
  for (const link of linksOf(collections)) if (link.from.id !== link.to.id) graph.setEdge(link.from.id, link.to.id)
  dagre.layout(graph)
  return Object.fromEntries(collections.map((one) => {
    const { x, y } = graph.node(one.id)
    return [one.id, { x: Math.round(x - NODE_PX / 2), y: Math.round(y - heightOf(one, compact) / 2) }]
  }))
}
