/** Why a list may be slow: what it is narrowed and sorted by, and has no index that begins with it. */
import type { Collection } from '../api/types'
import { readIndex } from './indexes'
import { parts, readTree } from './tree'

const BY_INDEX = ['=', '<', '<=', '>', '>=']

function hasIndex(collection: Collection, name: string): boolean {
  const field = collection.fields.find((one) => one.name === name)
  if (!field || field.name === 'id' || field.unique || field.type === 'relation') return true
  return collection.indexes.some((text) => readIndex(text)?.columns[0]?.name === name)
}

/** Fields of which an index could help; none where one helps already, or nothing can. */
export function withoutIndex(collection: Collection, filter: string, sort: string): string[] {
  if (collection.type === 'view') return []
  const compared = parts(readTree(filter)).flatMap((part) => (part.kind === 'comparison' && BY_INDEX.includes(part.operator) ? [part.left] : []))
  const own = compared.filter((name) => collection.fields.some((field) => field.name === name))
  if (own.some((name) => hasIndex(collection, name))) return []
  const first = sort.split(',')[0]!.replace(/^[-+]/, '')
  const sorted = first && !own.includes(first) && !hasIndex(collection, first) ? [first] : []
  return [...new Set([...own, ...sorted])]
}
