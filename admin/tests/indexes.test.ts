import { expect, test } from 'vitest'
import { freeName, readIndex, writeIndex } from '../src/fields/indexes'

const SAME = [
  'CREATE INDEX `idx_a` ON `posts` (`views` DESC, `title`)',
  "CREATE UNIQUE INDEX `one` ON `posts` (`code`) WHERE `code` != ''",
]
for (const text of SAME) test(`${text} is read and written again`, () => expect(writeIndex(readIndex(text)!)).toBe(text))

test('names go with any quotes, or none', () => {
  expect(readIndex('create unique index if not exists "i" on [posts] (id asc);')).toEqual({ name: 'i', unique: true, table: 'posts', columns: [{ name: 'id', descending: false }], where: '' })
})

test('what a form cannot hold stays text', () => {
  for (const text of ['CREATE INDEX i ON posts (lower(title))', 'CREATE INDEX i ON posts (title COLLATE NOCASE)', 'nonsense']) expect(readIndex(text)).toBeNull()
})

test('a new index has a name of its own', () => expect(freeName('posts', ['a', 'b'], ['idx_posts_a_b'])).toBe('idx_posts_a_b_2'))
