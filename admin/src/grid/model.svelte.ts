/** What the grid knows: which rows, where the eye and the cursor are, and what is changed and not saved yet. */
import type { Field, Row } from '../api/types'
import { throughOf } from '../fields/through'
import { empty, read, same, written } from '../fields/value'
import { Pages, type Source } from './pages'
import { Staged } from './staged.svelte'
import { quoted } from './tsv'

export const ROW_PX = 32
export const HEAD_PX = 32
export const DENSITIES = { compact: 28, normal: ROW_PX, roomy: 40 } as const
export type Density = keyof typeof DENSITIES
// Firefox draws no element that is higher than about 17.8 million px: beyond, a pixel of the scroll bar is more rows.
export const MOST_PX = 16_000_000
const MARGIN_ROWS = 4
const BASE_ROWS = 1000
export const MOST_PASTED = 1000 // cells
const WASH_MS = 1200

export type Cell = { row: number; column: number }

type Kept = {
  drafts: Record<string, unknown>[]
  changes: { row: Row; values: Record<string, unknown> }[]
  broken: { id: string; field: string; draft?: number; text: string; problem: string }[]
}

/** A row that is not saved yet has an id that no record has. */
export const isDraft = (id: string): boolean => id.startsWith('draft ')

export class GridModel {
  /** Rows on the server; those that are not saved yet stand above them. */
  stored = $state(0)
  drafts = $state.raw<Row[]>([])
  density = $state<Density>('normal')
  /** Rows that somebody else has just changed, and rows that are there no more. */
  washed = $state.raw<ReadonlySet<string>>(new Set())
  gone = $state.raw<ReadonlySet<string>>(new Set())
  /** Everything that the filter finds is selected, loaded or not. */
  everything = $state(false)
  isEstimate = $state(false)
  counted = $state(false)
  failure = $state.raw<unknown>(null)
  /** Pages that are on their way. */
  waiting = $state(0)
  /** How many rows of the server a page has, for who does not want one long list: then 0. */
  pageSize = $state(0)
  page = $state(0)
  scrollTop = $state(0)
  viewport = $state(600)
  cursor = $state<Cell>({ row: 0, column: 0 })
  anchor = $state<Cell | null>(null)
  editing = $state(false)
  draft = $state('')
  selected = $state.raw<ReadonlySet<string>>(new Set())
  staged = new Staged()
  columns = $state.raw<Field[]>([])
  canEdit: (field: Field) => boolean
  #version = $state(0)
  #nextDraft = 1
  #pages: Pages

  constructor(source: Source, columns: Field[], canEdit: (field: Field) => boolean) {
    this.columns = columns
    this.canEdit = canEdit
    this.#pages = new Pages(
      source,
      () => this.#arrived(),
      (failure) => this.#refused(failure),
      (pages) => (this.waiting = pages),
    )
  }

  #arrived(): void {
    const { end, farthest } = this.#pages
    if (end !== undefined) {
      this.stored = end
      this.isEstimate = false
      this.counted = true
    } else if (farthest >= this.stored) {
      this.stored = farthest + 1
      this.isEstimate = true
    }
    this.#version++
  }

  #refused(failure: unknown): void {
    this.failure = failure
    if (!this.#pages.rows.length) this.stored = 0
  }

  /** The rows of the grid: of the server those of the page, or all there are. */
  get total(): number {
    return (this.pageSize ? Math.max(0, Math.min(this.pageSize, this.stored - this.from)) : this.stored) + this.drafts.length
  }

  /** How many rows of the server come before those of the page. */
  get from(): number {
    return this.page * this.pageSize
  }

  get lastPage(): number {
    return this.pageSize ? Math.max(0, Math.ceil(this.stored / this.pageSize) - 1) : 0
  }

  /** Show a page of so many rows, or with 0 all as one list. */
  turn(pageSize: number, page: number): void {
    if (pageSize === this.pageSize && page === this.page) return
    this.pageSize = pageSize
    this.page = pageSize ? page : 0
    this.scrollTop = 0
    this.move(0, this.cursor.column)
  }

  get rowPx(): number {
    return DENSITIES[this.density]
  }

  /** What a save would write: changes of cells, and new rows; and what has to be mended before. */
  get unsaved(): number {
    return this.staged.count + this.staged.broken + this.drafts.length
  }

  count(total: number, isEstimate: boolean): void {
    const { end, farthest } = this.#pages
    this.stored = end ?? Math.max(total, farthest)
    this.isEstimate = end === undefined && isEstimate
    this.counted = true
  }

  /** Pixels of rows for a pixel of the scroll bar. */
  get scale(): number {
    const high = this.total * this.rowPx
    return high > MOST_PX ? (high - this.viewport) / (MOST_PX - this.viewport) : 1
  }

  get height(): number {
    return Math.min(this.total * this.rowPx, MOST_PX)
  }

  /** Where the eye is, in pixels of rows. */
  get top(): number {
    return this.scrollTop * this.scale
  }

  /** Always as many rows as there are lines: one more or less at every other frame would be elements to make. */
  get window(): { first: number; last: number } {
    const first = Math.max(0, Math.floor(this.top / this.rowPx) - MARGIN_ROWS)
    return { first, last: Math.min(this.total, first + this.lines) }
  }

  /** How many lines can be in sight at once, with those beyond the edges. */
  get lines(): number {
    return Math.ceil(this.viewport / this.rowPx) + 2 * MARGIN_ROWS + 1
  }

  /** Rows are drawn from one near them on: pixels of a million rows are more than a transform can tell apart. */
  get base(): number {
    return Math.floor(this.window.first / BASE_ROWS) * BASE_ROWS
  }

  /** Where that one is drawn: at its place, moved along where the scroll bar is coarser than the rows. */
  get baseY(): number {
    return this.base * this.rowPx - this.top + this.scrollTop
  }

  /** See that what can be seen is there or on its way. After a failure nothing is asked before `again`. */
  need(): void {
    if (this.failure) return
    const { first, last } = this.window
    const above = this.drafts.length
    const from = this.from + Math.max(0, first - above)
    this.#pages.need(from, Math.max(from, this.from + last - 1 - above))
  }

  /** Ask once more for what is missing. */
  again(): void {
    this.failure = null
    this.need()
  }

  /** Wait no longer: what is there stays. */
  stop(why: unknown): void {
    this.#pages.stop()
    this.#refused(why)
  }

  row(index: number): Row | undefined {
    void this.#version
    return this.drafts[index] ?? this.#pages.row(index - this.drafts.length + this.from)
  }

  get loaded(): Row[] {
    void this.#version
    if (!this.pageSize) return this.#pages.rows
    return Array.from({ length: this.total - this.drafts.length }, (_, at) => this.#pages.row(this.from + at)).filter((row) => row !== undefined)
  }

  /** A record as it is now: after a save, or in the inspector. */
  put(row: Row): void {
    this.#pages.put(row)
  }

  find(id: string): Row | undefined {
    void this.#version
    return this.#pages.rows.find((row) => row.id === id)
  }

  /** Somebody else has changed these rows: what they are now comes into its place, and shows for a moment. */
  take(rows: Row[]): void {
    const changed = rows.filter((row) => !same(this.find(row.id), row))
    for (const row of changed) {
      this.staged.meet(row)
      this.#pages.put(row)
    }
    if (!changed.length) return
    const ids = changed.map((row) => row.id)
    this.washed = new Set([...this.washed, ...ids])
    setTimeout(() => (this.washed = new Set([...this.washed].filter((id) => !ids.includes(id)))), WASH_MS)
  }

  lose(ids: string[]): void {
    if (ids.some((id) => this.find(id))) this.gone = new Set([...this.gone, ...ids])
  }

  /** New rows above the others, which a save creates. */
  addDrafts(count: number): Row[] {
    const made = Array.from({ length: count }, (): Row => ({ id: `draft ${this.#nextDraft++}` }))
    this.drafts = [...this.drafts, ...made]
    this.#version++
    return made
  }

  dropDraft(id: string): void {
    this.drafts = this.drafts.filter((row) => row.id !== id)
    this.staged.forget(id)
  }

  /** What is not saved, as a text that `restore` takes: it outlives a page that is loaded anew. */
  get kept(): string {
    const drafts = this.drafts.map((row) => this.staged.of(row.id) ?? {})
    const changes = this.staged.list.filter(({ row }) => !isDraft(row.id))
    const places = new Map(this.drafts.map((row, at): [string, number] => [row.id, at]))
    const broken = this.staged.brokenCells.map((one) => ({ ...one, draft: places.get(one.id) }))
    return drafts.length || changes.length || broken.length ? JSON.stringify({ drafts, changes, broken }) : ''
  }

  restore(text: string): void {
    const { drafts, changes, broken } = JSON.parse(text) as Kept
    const rows = this.addDrafts(drafts.length)
    const all = [...changes, ...drafts.map((values, at) => ({ row: rows[at]!, values }))]
    for (const { row, values } of all) for (const [name, value] of Object.entries(values)) this.staged.set(row, name, value)
    for (const { id, field, draft, text: typed, problem } of broken) this.staged.refuse(draft === undefined ? { id } : rows[draft]!, field, typed, problem)
  }

  discard(): void {
    this.staged.clear()
    this.drafts = []
    this.move(Math.min(this.cursor.row, this.total - 1), this.cursor.column)
  }

  reload(): void {
    this.gone = new Set()
    this.#pages.clear()
    this.counted = false
    this.failure = null
    this.#version++
  }

  value(row: Row, field: Field): unknown {
    const staged = this.staged.of(row.id)
    if (staged) {
      if (field.name in staged) return staged[field.name]
      const through = throughOf(field)
      if (through && through.relation in staged) return undefined // of the record that it will point at nothing is known here
    }
    return field.name === 'id' && isDraft(row.id) ? '' : row[field.name]
  }

  move(row: number, column: number, extend = false): void {
    if (extend) this.anchor ??= { ...this.cursor }
    else this.anchor = null
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value))
    this.cursor = { row: clamp(row, this.total - 1), column: clamp(column, this.columns.length - 1) }
  }

  /** The scroll position at which the cursor can be seen; the present one if it can be already. */
  scrollToCursor(): number {
    const at = this.cursor.row * this.rowPx
    const room = this.viewport - HEAD_PX - this.rowPx
    if (at < this.top) return at / this.scale
    return at > this.top + room ? Math.max(0, (at - room) / this.scale) : this.scrollTop
  }

  get range(): { top: number; bottom: number; left: number; right: number } {
    const other = this.anchor ?? this.cursor
    return {
      top: Math.min(this.cursor.row, other.row), bottom: Math.max(this.cursor.row, other.row),
      left: Math.min(this.cursor.column, other.column), right: Math.max(this.cursor.column, other.column),
    }
  }

  inRange(row: number, column: number): boolean {
    if (!this.anchor) return false
    const { top, bottom, left, right } = this.range
    return row >= top && row <= bottom && column >= left && column <= right
  }

  /** Begin to edit the cell of the cursor; `typed` takes the place of what is in it. False where it is not edited here. */
  edit(typed?: string): boolean {
    const field = this.columns[this.cursor.column]
    const row = this.row(this.cursor.row)
    if (!field || !row || !this.canEdit(field)) return false
    if (field.type === 'bool') {
      this.stage(row, field, !this.value(row, field))
      return true
    }
    this.draft = typed ?? this.staged.brokenOf(row.id, field.name)?.text ?? written(field, this.value(row, field))
    this.editing = true
    return true
  }

  /** Take what was typed. Answers what is wrong with it; the cell stays open then. */
  commit(): string {
    const field = this.columns[this.cursor.column]!
    const row = this.row(this.cursor.row)
    const found = read(field, this.draft)
    if ('problem' in found) return found.problem
    if (row) this.stage(row, field, found.value)
    this.editing = false
    return ''
  }

  clear(): void {
    const { top, bottom, left, right } = this.range
    for (let at = top; at <= bottom; at++) {
      const row = this.row(at)
      for (const field of this.columns.slice(left, right + 1)) if (row && this.canEdit(field)) this.stage(row, field, empty(field))
    }
  }

  stage(row: Row, field: Field, value: unknown): void {
    const asItWas = same(value, row[field.name]) || (isDraft(row.id) && same(value, empty(field)))
    this.staged.set(row, field.name, asItWas ? undefined : value)
  }

  /** The cells of the range get what its first row has. */
  fillDown(): void {
    const { top, bottom, left, right } = this.range
    const first = this.row(top)
    for (let at = top + 1; at <= bottom; at++) {
      const row = this.row(at)
      for (const field of this.columns.slice(left, right + 1)) if (first && row && this.canEdit(field)) this.stage(row, field, this.value(first, field))
    }
  }

  /** The range as lines of tab-separated values. `valueOf` knows more than the grid where a cell has the beginning alone. */
  copy(valueOf = (row: Row, field: Field): unknown => this.value(row, field)): string {
    const { top, bottom, left, right } = this.range
    const lines: string[] = []
    for (let at = top; at <= bottom; at++) {
      const row = this.row(at)
      if (row) lines.push(this.columns.slice(left, right + 1).map((field) => quoted(written(field, valueOf(row, field)))).join('\t'))
    }
    return lines.join('\n')
  }

  /** How many rows of a block have no row to go to. */
  beyond(block: string[][]): number {
    return Math.max(0, this.cursor.row + block.length - this.total)
  }

  /** Stage a block from the cursor on; what has no row there goes into new ones. Answers what to say of it, or nothing. */
  paste(block: string[][]): string {
    if (cells(block) > MOST_PASTED) return `At most ${MOST_PASTED} cells can be pasted at once: these are ${cells(block)}. An import takes any number.`
    const extra = this.beyond(block)
    const start = this.cursor.row
    const there = block.slice(0, block.length - extra).map((_, down) => this.row(start + down))
    const rows = [...there, ...(extra ? this.addDrafts(extra) : [])]
    let left = 0
    let broken = 0
    block.forEach((line, down) => {
      const row = rows[down]
      line.forEach((content, right) => {
        const field = this.columns[this.cursor.column + right]
        if (!row || !field || !this.canEdit(field)) return left++
        const found = read(field, content)
        if ('value' in found) this.stage(row, field, found.value)
        else {
          this.staged.refuse(row, field.name, content, found.problem)
          broken++
        }
      })
    })
    if (extra) this.move(start + extra, this.cursor.column)
    const said = []
    if (broken) said.push(`${broken} ${broken === 1 ? 'cell does' : 'cells do'} not fit the column: mend the red ones before you save.`)
    if (left) said.push(`${left} ${left === 1 ? 'cell was' : 'cells were'} left out: they cannot be edited here.`)
    return said.join(' ')
  }

  toggle(id: string): void {
    const next = new Set(this.selected)
    if (!next.delete(id)) next.add(id)
    this.selected = next
    this.everything = false
  }

  /** Select the rows from the last selected one, or the anchor, to the cursor. */
  selectRange(): void {
    const { top, bottom } = this.range
    const next = new Set(this.selected)
    for (let at = top; at <= bottom; at++) {
      const row = this.row(at)
      if (row && !isDraft(row.id)) next.add(row.id)
    }
    this.selected = next
  }

  /** All loaded rows; asked again, all that the filter finds. */
  selectAll(on: boolean): void {
    this.everything = on && this.selected.size > 0 && this.selected.size < this.stored
    this.selected = on ? new Set(this.loaded.map((row) => row.id)) : new Set()
  }
}

const cells = (block: string[][]): number => block.reduce((sum, line) => sum + line.length, 0)
