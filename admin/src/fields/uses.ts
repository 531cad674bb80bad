/** Where a field is spoken of: in rules, filters, views and indexes. Before it is renamed or dropped, that is what it touches. */
import type { Collection } from '../api/types'
import { RULE_NAMES } from './rules'

export type Use = { what: string; text: string; path: string }
const PATH = /'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|\/\/[^\n]*|(@?[^\W\d]\w*(?::\w+)?(?:\.\w+(?::\w+)?)*)/gu
const bare = (part: string): string => part.replace(/:\w+$/, '')

/** The fields that a filter or a rule of a collection names, as `collection id.field name`, through relations and back. */
export function mentions(text: string, collection: Collection, all: Collection[]): Set<string> {
  const found = new Set<string>()
  for (const [, path] of text.matchAll(PATH)) {
    if (!path) continue
    const parts = path.split('.')
    if (parts[0] === '@collection') walk(all.find((one) => one.name === bare(parts[1] ?? '')), parts.slice(2), all, found)
    else if (parts[0] === '@request' && parts[1] === 'auth') for (const one of all.filter((each) => each.type === 'auth')) walk(one, parts.slice(2), all, found)
    else if (parts[0] === '@request' && parts[1] === 'body') walk(collection, parts.slice(2), all, found)
    else if (parts[0] === '@previous') walk(collection, parts.slice(1), all, found)
    else if (!path.startsWith('@')) walk(collection, parts, all, found)
  }
  return found
}

function walk(start: Collection | undefined, parts: string[], all: Collection[], found: Set<string>): void {
  let at = start
  for (const part of parts) {
    if (!at) return
    const back = /^(\w+)_via_(\w+)$/.exec(bare(part))
    const field = at.fields.find((one) => one.name === bare(part))
    if (!field && back) {
      const from = all.find((one) => one.name === back[1])
      if (from?.fields.some((one) => one.name === back[2])) found.add(`${from.id}.${back[2]}`)
      at = from
      continue
    }
    if (!field) return
    found.add(`${at.id}.${field.name}`)
    at = field.type === 'relation' ? all.find((one) => one.id === field.collectionId || one.name === field.collectionId) : undefined
  }
}

const words = (text: string): Set<string> => new Set(text.match(/\w+/g) ?? [])

/** What the definitions of collections say of a field. */
export function usesOf(collection: Collection, name: string, all: Collection[]): Use[] {
  const key = `${collection.id}.${name}`
  const rules = all.flatMap((one) =>
    [...RULE_NAMES, { name: 'authRule', label: 'Login' }, { name: 'manageRule', label: 'Manage' }].flatMap((rule): Use[] => {
      const text = one[rule.name]
      return typeof text === 'string' && mentions(text, one, all).has(key) ? [{ what: `${rule.label} rule of ${one.name}`, text, path: `/data/${one.name}/rules` }] : []
    }),
  )
  const indexes = collection.indexes.filter((index) => words(index).has(name)).map((text) => ({ what: 'An index', text, path: `/data/${collection.name}/schema` }))
  const views = all
    .filter((one) => one.type === 'view' && one.viewQuery && words(one.viewQuery).has(collection.name) && (words(one.viewQuery).has(name) || /\bselect\s+(\w+\.)?\*/i.test(one.viewQuery)))
    .map((one) => ({ what: `The view ${one.name}`, text: one.viewQuery ?? '', path: `/data/${one.name}/schema` }))
  const searched = collection.searchable?.includes(name) ? [{ what: 'Full-text search', text: collection.searchable.join(', '), path: `/data/${collection.name}/schema` }] : []
  return [...rules, ...views, ...indexes, ...searched]
}
