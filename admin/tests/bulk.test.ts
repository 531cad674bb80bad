import { describe, expect, test } from 'vitest'
import { outcome, remaining, share } from '../src/screens/data/bulk'

const one = { state: 'done', delete: false, action: '', matched: 1204, done: 1204, skipped: 0, failed: 0, left: 0, message: '' } as const

describe('a change of many records in words', () => {
  test.each([
    [one, 'Changed 1,204 records of posts'],
    [{ ...one, action: 'shop.publish', done: 1203, failed: 1 }, 'Ran shop.publish on 1,203 of 1,204 records of posts: 1 failed'],
    [{ ...one, delete: true, matched: 1, done: 1 }, 'Deleted 1 record of posts'],
    [{ ...one, done: 1200, skipped: 3, failed: 1 }, 'Changed 1,200 of 1,204 records of posts: 3 skipped, 1 failed'],
    [{ ...one, state: 'cancelled', done: 500, left: 704 }, 'Changed 500 of 1,204 records of posts: 704 left, then it was cancelled'],
    [{ ...one, state: 'failed', done: 0, left: 1204, message: 'The collection is gone.' }, 'Changed 0 of 1,204 records of posts: 1,204 left, then it ended. The collection is gone.'],
  ] as const)('%o', (bulk, text) => expect(outcome('posts', bulk)).toBe(text))

  test('is done as far as its records were looked at, and one of nothing is done', () => {
    expect(share({ matched: 200, left: 50 })).toBe(0.75)
    expect(share({ matched: 0, left: 0 })).toBe(1)
  })

  test('takes as long as the last looks say, and nobody knows before that', () => {
    expect(remaining([{ at: 0, left: 100 }])).toBeNull()
    expect(remaining([{ at: 0, left: 100 }, { at: 2000, left: 100 }])).toBeNull()
    expect(remaining([{ at: 0, left: 100 }, { at: 2000, left: 60 }])).toBe(3)
  })
})
