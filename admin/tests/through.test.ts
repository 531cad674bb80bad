import { expect, test } from 'vitest'
import type { Collection, Row } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { filledIn, throughFields } from '../src/fields/through'
import { Columns } from '../src/grid/columns.svelte'
import { wanted } from '../src/screens/data/records'

const field = (type: Parameters<typeof newField>[0], name: string, more = {}) => ({ ...newField(type, name), id: `id_${name}`, ...more })
const people = { id: 'people', name: 'people', fields: [field('text', 'name', { presentable: true }), field('bool', 'active'), field('json', 'extra'), field('password', 'password')] } as unknown as Collection
const posts = { id: 'posts', name: 'posts', fields: [field('text', 'title'), field('relation', 'author', { collectionId: 'people' }), field('relation', 'readers', { collectionId: 'people', maxSelect: 9 })] } as unknown as Collection
const byId = (id: string): Collection | undefined => (id === 'people' ? people : undefined)
const possible = throughFields(posts, byId)

test('each field of what a relation points at can be a column, but for secrets', () => {
  expect(possible.map((one) => one.name)).toEqual(['author.name', 'author.active', 'author.extra', 'readers.name', 'readers.active', 'readers.extra'])
})

test('a page is filled in once, with one text for many records and nothing for none', () => {
  const rows: Row[] = [
    { id: 'a', expand: { author: { id: 'x', name: 'Ada', active: false }, readers: [{ id: 'y', name: 'Bo' }, { id: 'z', name: 'Cy' }] } as never },
    { id: 'b' },
  ]
  const [first, second] = filledIn(rows, possible)
  expect([first!['author.name'], first!['author.active'], first!['readers.name']]).toEqual(['Ada', false, 'Bo, Cy'])
  expect([second!['author.name'], second!['author.active'], second!['readers.name']]).toEqual(['', undefined, ''])
})

test('one request has them all, each relation once and long values cut', () => {
  const columns = [...posts.fields, ...possible.filter((one) => ['author.name', 'author.extra'].includes(one.name))]
  const query = wanted({ collection: posts, filter: '', sort: '', columns, byId })
  expect(query.expand).toBe('author,readers')
  expect(String(query.fields).split(',').filter((one) => one.startsWith('expand.author'))).toEqual(['expand.author.id', 'expand.author.name', 'expand.author.extra:excerpt(200', ])
})

test('a column stands behind its relation, is kept with a view, and goes with it', () => {
  const columns = new Columns(posts.fields, [], possible)
  expect(columns.state).toEqual([])
  columns.addOnly(['author.active', 'author.name'])
  expect(columns.shown.map((one) => one.name)).toEqual(['title', 'author', 'author.name', 'author.active', 'readers'])
  const again = new Columns(posts.fields, columns.state, possible)
  expect(again.shown.map((one) => one.name)).toEqual(columns.shown.map((one) => one.name))
  columns.addOnly([])
  expect(columns.shown.map((one) => one.name)).toEqual(['title', 'author', 'readers'])
  again.apply([])
  expect(again.added).toEqual([])
})
