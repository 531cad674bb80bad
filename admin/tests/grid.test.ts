import { flushSync } from 'svelte'
import { expect, test, vi } from 'vitest'
import type { Row } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { GridModel, MOST_PX, ROW_PX, parseTsv } from '../src/grid/model.svelte'
import { MOST_PAGES, PAGE_ROWS, Pages, type Source } from '../src/grid/pages'

const FIELDS = [newField('text', 'title'), newField('number', 'views')]
const rows = (page: number, total: number): Row[] =>
  Array.from({ length: Math.max(0, Math.min(PAGE_ROWS, total - page * PAGE_ROWS)) }, (_, at) => ({ id: `r${page * PAGE_ROWS + at}`, title: `t${page * PAGE_ROWS + at}`, views: at }))
const source = (total: number): Source => (page) => Promise.resolve({ items: rows(page, total), nextCursor: `after ${page}` })

async function model(total: number): Promise<GridModel> {
  const made = new GridModel(source(total), FIELDS, () => true)
  made.count(total, false)
  made.need()
  await vi.waitFor(() => expect(made.row(0)).toBeDefined())
  flushSync()
  return made
}

test('a page goes by the cursor of the page before it, and a jump by its number', async () => {
  const asked: [number, string | undefined][] = []
  const pages = new Pages((page, cursor) => (asked.push([page, cursor]), source(100_000)(page, cursor, new AbortController().signal)), () => {}, () => {})
  pages.need(0, 0)
  await vi.waitFor(() => expect(pages.row(150)).toBeDefined())
  pages.need(100, 200)
  pages.need(50_000, 50_010)
  await vi.waitFor(() => expect(pages.row(50_000)).toBeDefined())
  expect(asked).toContainEqual([0, ''])
  expect(asked).toContainEqual([2, 'after 1'])
  expect(asked).toContainEqual([500, undefined])
})

test('what is far from the eye is forgotten', async () => {
  const pages = new Pages(source(100_000), () => {}, () => {})
  for (let page = 0; page < 40; page++) {
    pages.need(page * PAGE_ROWS, page * PAGE_ROWS)
    await vi.waitFor(() => expect(pages.row(page * PAGE_ROWS)).toBeDefined())
  }
  expect(pages.rows.length).toBeLessThanOrEqual((MOST_PAGES + 2) * PAGE_ROWS)
  expect(pages.row(0)).toBeUndefined()
})

test('a page that is not full is the end, whatever was estimated', async () => {
  const made = await model(250)
  made.count(9000, true)
  made.scrollTop = 200 * ROW_PX
  made.need()
  await vi.waitFor(() => expect(made.row(249)).toBeDefined())
  expect([made.total, made.isEstimate]).toEqual([250, false])
})

test('a million rows are no higher than a browser draws, and all can be reached', async () => {
  const made = await model(1_000_000)
  expect(made.height).toBe(MOST_PX)
  made.scrollTop = MOST_PX - made.viewport
  expect(made.window.last).toBe(1_000_000)
  made.move(999_999, 0)
  expect(made.y(999_999)).toBeLessThanOrEqual(MOST_PX)
})

test('changes are staged, undone and done again', async () => {
  const made = await model(10)
  made.move(1, 0)
  made.edit('new')
  expect(made.commit()).toBe('')
  expect(made.staged.count).toBe(1)
  made.staged.undo()
  expect(made.staged.count).toBe(0)
  made.staged.redo()
  expect(made.staged.of('r1')).toEqual({ title: 'new' })
  made.stage(made.row(1)!, FIELDS[0]!, 't1') // as it was
  expect(made.staged.count).toBe(0)
})

test('what is no number stays in the cell', async () => {
  const made = await model(10)
  made.move(0, 1)
  made.edit('x')
  expect(made.commit()).toContain('no number')
  expect(made.editing).toBe(true)
})

test('a block is copied and pasted as a spreadsheet does', async () => {
  const made = await model(10)
  made.move(0, 0)
  made.move(1, 1, true)
  expect(made.copy()).toBe('t0\t0\nt1\t1')
  made.move(2, 0)
  expect(made.paste('a\t7\nb\tx\n')).toContain('1 cells were left out')
  expect([made.staged.of('r2'), made.staged.of('r3')]).toEqual([{ title: 'a', views: 7 }, { title: 'b' }])
})

test('cells with tabs, lines and quotes are quoted', () => {
  expect(parseTsv('"a\tb"\t"say ""hi"""\n"two\nlines"\tz')).toEqual([['a\tb', 'say "hi"'], ['two\nlines', 'z']])
})
