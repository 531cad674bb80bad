import { flushSync } from 'svelte'
import { expect, test, vi } from 'vitest'
import type { Row } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { Staged } from '../src/grid/staged.svelte'
import { GridModel, MOST_PX, ROW_PX } from '../src/grid/model.svelte'
import { MOST_PAGES, PAGE_ROWS, Pages, type Source } from '../src/grid/pages'
import { parseTsv } from '../src/grid/tsv'

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
  expect(made.baseY + (999_999 - made.base) * ROW_PX).toBeLessThanOrEqual(MOST_PX)
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
  expect(made.paste(parseTsv('a\t7\nb\tx\n'))).toContain('1 cell does not fit')
  expect([made.staged.of('r2'), made.staged.of('r3')]).toEqual([{ title: 'a', views: 7 }, { title: 'b' }])
  expect(made.staged.brokenOf('r3', 'views')?.text).toBe('x')
  made.stage(made.row(3)!, FIELDS[1]!, 8)
  expect(made.staged.broken).toBe(0)
})

test('what is pasted beyond the last row becomes new rows', async () => {
  const made = await model(3)
  made.move(2, 0)
  const block = parseTsv('x\ny\nz')
  expect(made.beyond(block)).toBe(2)
  expect(made.paste(block)).toBe('')
  expect([made.total, made.drafts.length, made.unsaved]).toEqual([5, 2, 5])
  expect(made.staged.of('r2')).toEqual({ title: 'x' })
  expect(made.staged.of(made.drafts[1]!.id)).toEqual({ title: 'z' })
  expect(made.row(2)!.id).toBe('r0') // new rows stand above
  made.dropDraft(made.drafts[0]!.id)
  expect([made.total, made.staged.count]).toEqual([4, 2])
  made.discard()
  expect([made.total, made.unsaved]).toEqual([3, 0])
})

test('more than can be staged is refused as a whole, and said', async () => {
  const made = await model(10)
  expect(made.paste(Array.from({ length: 1001 }, () => ['x']))).toContain('At most 1000 cells')
  expect(made.unsaved).toBe(0)
})

test('cells are filled down from the first row of the range', async () => {
  const made = await model(10)
  made.move(1, 0)
  made.move(3, 0, true)
  made.fillDown()
  expect(made.staged.of('r3')).toEqual({ title: 't1' })
})

test('what is not saved can be kept and brought back', async () => {
  const made = await model(10)
  made.stage(made.row(2)!, FIELDS[0]!, 'mine')
  made.stage(made.addDrafts(1)[0]!, FIELDS[0]!, 'new')
  made.move(4, 1)
  made.paste([['many']])
  const again = await model(10)
  again.restore(made.kept)
  expect([again.unsaved, again.drafts.length, again.staged.of('r2')]).toEqual([4, 1, { title: 'mine' }])
  expect(again.staged.brokenOf('r3', 'views')?.text).toBe('many')
  again.discard()
  expect(again.kept).toBe('')
})

test('all loaded rows are selected first, and then all there are', async () => {
  const made = await model(1000)
  made.selectAll(true)
  expect([made.selected.size > 0, made.everything]).toEqual([true, false])
  made.selectAll(true)
  expect(made.everything).toBe(true)
  made.toggle('r3')
  expect(made.everything).toBe(false)
})

test('what somebody else has changed comes into its place and shows', async () => {
  const made = await model(10)
  made.take([{ id: 'r1', title: 'theirs', views: 1 }, { id: 'r2', title: 't2', views: 2 }])
  expect(made.row(1)!.title).toBe('theirs')
  expect([...made.washed]).toEqual(['r1'])
  made.stage(made.row(2)!, FIELDS[0]!, 'mine')
  made.take([{ id: 'r2', title: 'theirs', views: 2 }])
  expect([made.staged.theirs('r2', 'title'), made.staged.theirs('r2', 'views')]).toEqual([{ value: 'theirs' }, undefined])
  made.lose(['r4', 'elsewhere'])
  expect(made.gone.has('r4')).toBe(true)
})

test('cells with tabs, lines and quotes are quoted', () => {
  expect(parseTsv('"a\tb"\t"say ""hi"""\n"two\nlines"\tz')).toEqual([['a\tb', 'say "hi"'], ['two\nlines', 'z']])
})

test('rows that are there stay when others cannot be read, and nothing is asked before somebody says so', async () => {
  const asked: number[] = []
  let refused = true
  const made = new GridModel((page, cursor, signal) => {
    asked.push(page)
    return page >= 20 && refused ? Promise.reject(new Error('down')) : source(100_000)(page, cursor, signal)
  }, FIELDS, () => true)
  made.count(100_000, false)
  made.need()
  await vi.waitFor(() => expect(made.row(0)).toBeDefined())
  made.scrollTop = 2000 * ROW_PX
  made.need()
  await vi.waitFor(() => expect(made.failure).toBeInstanceOf(Error))
  expect([made.stored, made.row(0)?.id]).toEqual([100_000, 'r0'])
  const before = asked.length
  made.need()
  expect(asked).toHaveLength(before)
  refused = false
  made.again()
  await vi.waitFor(() => expect(made.row(2000)?.id).toBe('r2000'))
  expect([made.failure, made.waiting]).toEqual([null, 0])
})

test('a page that was given up is asked for again when the eye comes back', async () => {
  const asked: number[] = []
  const pages = new Pages((page, _, signal) => (asked.push(page), new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))), () => {}, () => {})
  pages.need(0, 0)
  pages.need(50_000, 50_000)
  pages.need(0, 0)
  expect(asked.filter((page) => page === 0)).toHaveLength(2)
})

test('a page shows its rows and no others, and reads no more than it needs', async () => {
  const made = await model(1030)
  made.turn(25, 4)
  made.need()
  await vi.waitFor(() => expect(made.row(0)?.id).toBe('r100'))
  expect([made.total, made.from, made.lastPage, made.row(25)?.id]).toEqual([25, 100, 41, 'r125'])
  expect(made.loaded.map((row) => row.id)).toEqual(Array.from({ length: 25 }, (_, at) => `r${100 + at}`))
  made.turn(25, 41)
  expect(made.total).toBe(5)
  made.turn(0, 3)
  expect([made.total, made.from]).toEqual([1030, 0])
})

test('the cursor begins a page at its first row, and new rows stand above each', async () => {
  const made = await model(300)
  made.move(80, 1)
  made.addDrafts(1)
  made.turn(100, 1)
  expect([made.cursor.row, made.cursor.column, made.total]).toEqual([0, 1, 101])
  made.need()
  await vi.waitFor(() => expect(made.row(1)?.id).toBe('r100'))
})

test('what a cell shows the beginning of is no change by somebody else', () => {
  const staged = new Staged()
  const cell = { id: 'r1', extra: '{"n": 3}', title: 'a' }
  staged.set(cell, 'extra', [7])
  staged.remember({ id: 'r1', extra: { n: 3 } })
  staged.meet({ ...cell, title: 'b' })
  expect(staged.theirs('r1', 'extra')).toBeUndefined()
  expect(staged.list[0]?.row).toEqual({ id: 'r1', extra: { n: 3 }, title: 'a' })
})
