import { describe, expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { mentions, usesOf } from '../src/fields/uses'

const users = { id: 'u', name: 'users', type: 'auth', indexes: [], fields: [newField('text', 'name'), newField('text', 'level')] } as unknown as Collection
const posts = {
  id: 'p', name: 'posts', type: 'base', searchable: ['title'], listRule: "author.name != 'title'", updateRule: '@request.body.views:isset = false',
  indexes: ['CREATE INDEX `i` ON `posts` (`views` DESC)'], fields: [newField('text', 'title'), newField('number', 'views'), { ...newField('relation', 'author'), collectionId: 'u' }],
} as unknown as Collection
const comments = { id: 'c', name: 'comments', type: 'base', indexes: [], viewRule: 'post.author.level > 1', fields: [{ ...newField('relation', 'post'), collectionId: 'posts' }] } as unknown as Collection
const top = { id: 't', name: 'top', type: 'view', indexes: [], viewQuery: 'SELECT id, title FROM posts', fields: [] } as unknown as Collection
const all = [users, posts, comments, top]

describe('a rule names', () => {
  const CASES: [string, Collection, string[]][] = [
    ["author.name = 'views'", posts, ['p.author', 'u.name']],
    ['comments_via_post.post != ""', posts, ['c.post']],
    ['@request.auth.level > 1 && @previous.views = views', posts, ['u.level', 'p.views']],
    ['@collection.posts.title:lower ~ @request.query.title', comments, ['p.title']],
    ['views > 1 // title', posts, ['p.views']],
  ]
  for (const [text, of, expected] of CASES) test(text, () => expect([...mentions(text, of, all)]).toEqual(expected))
})

test('all places that speak of a field are found', () => {
  expect(usesOf(posts, 'views', all).map((one) => one.what)).toEqual(['Update rule of posts', 'An index'])
  expect(usesOf(posts, 'title', all).map((one) => one.what)).toEqual(['The view top', 'Full-text search'])
  expect(usesOf(users, 'level', all).map((one) => one.what)).toEqual(['View rule of comments'])
})
