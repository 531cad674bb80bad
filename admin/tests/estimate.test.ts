import { expect, test } from 'vitest'
import type { Held } from '../src/api/types'
import { durationWords, heldWords } from '../src/screens/data/plan'

const told = (secondsFrom: number, secondsTo: number, tables: Held[] = [], unsure = false) => ({ secondsFrom, secondsTo, unsure, tables })
const held = (collection: string, locks: string, rewrites = false): Held => ({ collection, bytes: 411_041_792, rows: 1_000_000, rewrites, locks })

test.each([
  [0, 1, 'under a second'],
  [1.6, 6.4, '2 to 6 s'],
  [0.9, 1.2, 'about 1 s'],
  [60, 240, '1 to 4 min'],
])('a plan of %d to %d seconds takes %s', (from, to, words) => {
  expect(durationWords(told(from, to))).toBe(words)
})

test('what tables go through is said once for those that go through the same', () => {
  expect(heldWords(told(1, 4, [held('posts', 'access exclusive', true), held('authors', 'share'), held('tags', 'access exclusive')]))).toEqual([
    'posts (392.0 MB) is written anew', 'nobody reads or writes posts and tags meanwhile', 'nobody writes authors meanwhile',
  ])
})

test('a guess is called one', () => {
  expect(heldWords(told(1, 4, [], true))).toEqual(['rows are guessed by the size of the tables'])
})
