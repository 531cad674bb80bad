import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { arrange } from '../src/screens/schema/arrange'
import { linksOf, mermaid, placed, shownFields, svg } from '../src/screens/schema/model'

const field = (id: string, one: ReturnType<typeof newField>, more: object = {}) => ({ ...one, id, ...more })
const users = { id: 'u', name: 'users', type: 'auth', fields: [field('1', newField('text', 'id')), field('2', newField('password', 'password'))] } as unknown as Collection
const posts = {
  id: 'p', name: 'posts', type: 'base',
  fields: [field('3', newField('text', 'id')), field('4', newField('relation', 'author'), { collectionId: 'users', required: true }), field('5', newField('relation', 'likes'), { collectionId: 'u', maxSelect: 9 }), field('6', newField('text', '<b>'))],
} as unknown as Collection

test('relations lead to collections by id or by name', () => expect(linksOf([users, posts]).map((one) => [one.field.name, one.to.name])).toEqual([['author', 'users'], ['likes', 'users']]))

test('what points stands left of what it points at, and nothing on another', () => {
  const places = arrange([users, posts], false)
  expect(places.p!.x + 220).toBeLessThan(places.u!.x)
})

test('what has no place comes below what has one', () => {
  expect(placed([users, posts], {}, { u: { x: 1, y: 1 } }, true)).toEqual({ u: { x: 1, y: 1 } })
  const places = placed([users, posts], { u: { x: 10, y: 20 } }, {}, true)
  expect(places.u).toEqual({ x: 10, y: 20 })
  expect(places.p!.y).toBeGreaterThan(20)
})

test('secrets are not drawn, and few fields where only keys are wanted', () => {
  expect(shownFields(users, false).map((one) => one.name)).toEqual(['id'])
  expect(shownFields(posts, true).map((one) => one.name)).toEqual(['id', 'author', 'likes'])
})

test('it can be taken along as text and as a picture', () => {
  expect(mermaid([users, posts])).toContain('  posts }o--|| users : author\n  posts }o--o{ users : likes')
  const picture = svg([users, posts], arrange([users, posts], false), false, false)
  expect(picture).toContain('&lt;b>')
  expect(picture.match(/<path/g)).toHaveLength(2)
})
