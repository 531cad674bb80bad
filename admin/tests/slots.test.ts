import { expect, test } from 'vitest'
import { inOrder, placed } from '../src/grid/slots'

const rows = (order: number[], first: number, last: number): number[] => placed(order, first, last).map(({ row }) => row)

test.each([0, 1, 7, 9, 10, 999_997])('lines put in order from row %i show the rows in theirs', (first) => {
  expect(rows(inOrder(first, 10), first, first + 10)).toEqual(Array.from({ length: 10 }, (_, at) => first + at))
})

test('of rows that go on being seen each keeps its line', () => {
  const order = inOrder(40, 10)
  const before = new Map(placed(order, 40, 50).map(({ row, slot }) => [row, slot]))
  const after = placed(order, 43, 53)
  expect(after.map(({ row }) => row).sort((a, b) => a - b)).toEqual([43, 44, 45, 46, 47, 48, 49, 50, 51, 52])
  for (const { row, slot } of after) if (before.has(row)) expect(slot).toBe(before.get(row))
})

test.each([
  ['the end of the list', 10, 5, 8, [5, 6, 7]],
  ['a list shorter than the page', 10, 0, 3, [0, 1, 2]],
  ['an empty list', 10, 0, 0, []],
])('at %s lines stay empty', (_, lines, first, last, expected) => {
  expect(rows(inOrder(first, lines), first, last)).toEqual(expected)
})
