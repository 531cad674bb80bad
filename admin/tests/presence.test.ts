import { expect, test } from 'vitest'
import { newPage, words } from '../src/screens/data/presence'

const ada = { name: 'ada@example.com', own: false, writes: false }
const bo = { name: 'bo@example.com', own: false, writes: true }

test.each([
  [[], ''],
  [[ada], 'ada@example.com has this record open.'],
  [[ada, { ...ada, name: 'cy' }], 'ada@example.com and cy have this record open.'],
  [[ada, bo], 'bo@example.com has changes here that are not saved. ada@example.com has this record open.'],
  [[{ ...ada, own: true }], 'You have this record open in another page.'],
  [[{ ...bo, own: true }], 'You have this record open in another page, with changes that are not saved.'],
])('%o', (others, text) => expect(words(others)).toBe(text))

test('each page has an id of its own', () => {
  expect(newPage()).toMatch(/^[0-9a-f]{24}$/)
  expect(newPage()).not.toBe(newPage())
})
