/** The change that takes a change back: what was given, as it was before. */
import type { Collection } from '../../api/types'

export type Reverse = { method: 'PATCH' | 'PUT'; collection: string; body: Record<string, unknown> }
const TERMS = ['plan', 'ruleTests']

function former(given: Record<string, unknown>, before: Collection): Record<string, unknown> {
  const keys = Object.keys(given).filter((key) => !TERMS.includes(key))
  return Object.fromEntries(keys.map((key) => [key, (before as unknown as Record<string, unknown>)[key] ?? null]))
}

/** Null where there is nothing to go back to: a collection that was made or dropped. `before` has them as they were. */
export function reverseOf(method: string, collection: string, body: Record<string, unknown>, before: (id: string) => Collection | undefined): Reverse | null {
  if (method === 'PATCH') {
    const old = before(collection)
    return old ? { method, collection: old.id, body: former(body, old) } : null
  }
  if (method !== 'PUT' || body.deleteMissing !== 'fields') return null
  const found = ((body.collections ?? []) as Record<string, unknown>[]).map((one) => {
    const old = typeof one.id === 'string' ? before(one.id) : undefined
    return old ? former(one, old) : null
  })
  return found.length && found.every((one) => one) ? { method, collection: '', body: { collections: found, deleteMissing: 'fields' } } : null
}
