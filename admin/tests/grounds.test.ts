import { expect, it } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { HEAD_PX, NODE_PX, ROW_PX, grounds, svg } from '../src/screens/schema/model'

const collection = (id: string): Collection => ({ id, name: id, type: 'base', system: false, fields: [newField('text', 'id'), newField('text', 'title')] }) as unknown as Collection
const [books, shops] = [collection('books'), collection('shops')]
const places = { books: { x: 100, y: 100 }, shops: { x: 500, y: 300 } }

it('a folder covers all of its collections that are drawn', () => {
  const [trade] = grounds([{ id: 't', name: 'Trade', collections: ['books', 'shops', 'gone'] }], [books, shops], places, false)
  expect(trade).toEqual({ id: 't', name: 'Trade', x: 80, y: 66, width: 400 + NODE_PX + 40, height: 200 + HEAD_PX + 2 * ROW_PX + 6 + 34 + 20 })
})

it.each([
  ['has no collections', []],
  ['has none that is drawn', ['gone']],
])('a folder that %s is not drawn', (_, collections) => {
  expect(grounds([{ id: 't', name: 'Trade', collections }], [books], places, false)).toEqual([])
})

it('the picture names the folders, and escapes what they are called', () => {
  expect(svg([books], places, false, false, [{ id: 't', name: 'A & B', collections: ['books'] }])).toContain('>A &amp; B</text>')
})
