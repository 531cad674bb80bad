import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { sizeOf } from '../src/screens/data/paging.svelte'
import { pickerColumns, reordered, toggled, turned } from '../src/screens/data/picking'

const field = (type: Parameters<typeof newField>[0], name: string, more = {}) => ({ ...newField(type, name), id: `id_${name}`, ...more })
const shelves = { id: 's', name: 'shelves', fields: [field('text', 'id'), field('number', 'floor'), field('text', 'name', { presentable: true }), field('password', 'secret'), field('bool', 'open')] } as unknown as Collection

test('a table to pick from begins with what a record is known by, and goes on as the grid', () => {
  expect(pickerColumns(shelves, []).map((one) => one.name)).toEqual(['name', 'floor', 'open'])
  expect(pickerColumns(shelves, [{ field: 'id_open' }, { field: 'id_name' }]).map((one) => one.name)).toEqual(['name', 'open'])
})

test('the head of a column sorts up, then down, then not', () => {
  expect(['', 'floor', '-floor', 'name'].map((sort) => turned(sort, 'floor'))).toEqual(['floor', '-floor', '', 'floor'])
})

test('as many are picked as there may be', () => {
  expect(toggled(['a'], 'b', 2)).toEqual(['a', 'b'])
  expect(toggled(['a', 'b'], 'c', 2)).toEqual(['a', 'b'])
  expect(toggled(['a', 'b'], 'a', 2)).toEqual(['b'])
  expect(toggled(['a'], 'b', 1)).toEqual(['b'])
})

test('one of a list is put at another place, and nowhere beyond it', () => {
  expect(reordered(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
  expect(reordered(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c'])
  expect(reordered(['a', 'b'], 0, 2)).toEqual(['a', 'b'])
})

test('a size that is none of those that are offered is one long list', () => {
  expect([sizeOf('50'), sizeOf('51'), sizeOf(null), sizeOf('')]).toEqual([50, 0, 0, 0])
})
