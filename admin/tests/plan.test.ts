import { expect, test } from 'vitest'
import { steps } from '../src/screens/sql/plan'

test('a plan is a tree whose steps have their own share', () => {
  const scan = { 'Node Type': 'Seq Scan', 'Relation Name': 'posts', 'Total Cost': 30, 'Plan Rows': 10, Filter: '(views > 1)' }
  const found = steps({ 'Node Type': 'Sort', 'Total Cost': 40, 'Plan Rows': 10, 'Sort Key': ['title', 'id'], Plans: [scan] })
  expect(found.map(({ depth, what, about, share }) => [depth, what, about, share])).toEqual([[0, 'Sort', 'title, id', 0.25], [1, 'Seq Scan', 'posts · (views > 1)', 0.75]])
})

test('what was measured counts, and loops with it', () => {
  const inner = { 'Node Type': 'Index Scan', 'Total Cost': 1, 'Plan Rows': 1, 'Actual Total Time': 2, 'Actual Loops': 4, 'Actual Rows': 3 }
  const found = steps({ 'Node Type': 'Nested Loop', 'Total Cost': 9, 'Plan Rows': 1, 'Actual Total Time': 10, 'Actual Loops': 1, 'Actual Rows': 12, Plans: [inner] })
  expect(found.map(({ ms, actual, share }) => [ms, actual, share])).toEqual([[10, 12, 0.2], [8, 3, 0.8]])
})
