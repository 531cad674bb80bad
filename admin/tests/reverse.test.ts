import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { reverseOf } from '../src/screens/data/reverse'

const notes = { id: 'n1', name: 'notes', comment: '', listRule: null, fields: [{ id: 'f1', name: 'title', type: 'text' }], indexes: [] } as unknown as Collection
const before = (id: string): Collection | undefined => (id === 'n1' ? notes : undefined)

test('a change of one collection goes back to what its keys were', () => {
  const body = { name: 'pages', fields: [{ id: 'f1', name: 'head', type: 'text' }, { name: 'new', type: 'text' }], plan: 'hash', ruleTests: 'skip' }
  expect(reverseOf('PATCH', 'n1', body, before)).toEqual({ method: 'PATCH', collection: 'n1', body: { name: 'notes', fields: notes.fields } })
})

test('a draft of several goes back as one', () => {
  const body = { collections: [{ id: 'n1', comment: 'x', listRule: '' }], deleteMissing: 'fields' }
  expect(reverseOf('PUT', '', body, before)!.body).toEqual({ collections: [{ id: 'n1', comment: '', listRule: null }], deleteMissing: 'fields' })
})

test('there is no way back from a collection that was made or dropped, or imported', () => {
  expect(reverseOf('POST', '', { name: 'x' }, before)).toBeNull()
  expect(reverseOf('DELETE', 'n1', {}, before)).toBeNull()
  expect(reverseOf('PUT', '', { collections: [{ id: 'n1' }, { name: 'made' }], deleteMissing: 'fields' }, before)).toBeNull()
  expect(reverseOf('PUT', '', { collections: [{ id: 'n1' }], deleteMissing: true }, before)).toBeNull()
})
