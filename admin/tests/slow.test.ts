import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { withoutIndex } from '../src/fields/slow'

const collection = {
  type: 'base',
  fields: [newField('text', 'id'), newField('text', 'title'), newField('number', 'views'), { ...newField('text', 'slug'), unique: true }],
  indexes: ['CREATE INDEX `by_views` ON `posts` (`views`, `title`)'],
} as unknown as Collection

test.each([
  ['nothing is asked', '', '', []],
  ['a field without one', "title = 'a'", '', ['title']],
  ['sorted by a field without one', '', '-title', ['title']],
  ['an index that begins with it', 'views > 3', '', []],
  ['an index helps one of them', "views > 3 && title = 'a'", '', []],
  ['a unique field has one', "slug = 'a'", '', []],
  ['an index does not help to look inside', "title ~ 'a'", '', []],
  ['any of them, of which none is needed', "title = 'a' || views > 3", '', []],
  ['filtered and sorted', "title = 'a'", 'title', ['title']],
])('%s', (_, filter, sort, expected) => {
  expect(withoutIndex(collection, filter, sort)).toEqual(expected)
})
