import { expect, test } from 'vitest'
import { readOver, withOneMore, withRelated, writeOver } from '../src/screens/data/stack'

test.each([
  ['shelves:k3j', { collection: 'shelves', id: 'k3j' }],
  ['shelves:a:b', { collection: 'shelves', id: 'a:b' }],
  ['shelves:', null],
  [':k3j', null],
  ['shelves', null],
  ['', null],
])('%s names the record on top', (text, expected) => {
  expect(readOver(text)).toEqual(expected)
  if (expected) expect(writeOver(expected.collection, expected.id)).toBe(text)
})

test('a record shows what a related one has become, wherever it shows it', () => {
  const row = { id: 'a', expand: { one: { id: 'x', name: 'Old', more: 1 }, many: [{ id: 'y' }, { id: 'x', name: 'Old' }] } }
  const now = withRelated(row, { id: 'x', name: 'New' })
  expect(now.expand).toEqual({ one: { id: 'x', name: 'New', more: 1 }, many: [{ id: 'y' }, { id: 'x', name: 'New' }] })
  expect(withRelated({ id: 'a' }, { id: 'x' })).toEqual({ id: 'a' })
})

test.each([
  ['nothing', undefined, [{ id: 'n' }]],
  ['one', { id: 'x' }, [{ id: 'x' }, { id: 'n' }]],
  ['some', [{ id: 'x' }, { id: 'y' }], [{ id: 'x' }, { id: 'y' }, { id: 'n' }]],
])('a record that showed %s by a field shows a new one as well', (_, before, expected) => {
  const row = { id: 'a', expand: { other: { id: 'o' }, ...(before ? { field: before } : {}) } }
  expect(withOneMore(row, 'field', { id: 'n' }).expand).toEqual({ other: { id: 'o' }, field: expected })
})
