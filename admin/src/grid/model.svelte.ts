/** What the grid knows: which rows, where the eye and the cursor are, and what is changed and not saved yet. */
import type { Field, Row } from '../api/types'
import { empty, read, same, written } from '../fields/value'
import { Pages, type Source } from './pages'
import { Staged } from './staged.svelte'

export const ROW_PX = 32
export const HEAD_PX = 32
// Firefox draws no element that is higher than about 17.8 million px: beyond, a pixel of the scroll bar is more rows.
export const MOST_PX = 16_000_000
const MARGIN_ROWS = 6
export const MOST_PASTED = 1000 // cells

export type Cell = { row: number; column: number }

export class GridModel {
  total = $state(0)
  isEstimate = $state(false)
  counted = $state(false)
  failure = $state.raw<unknown>(null)
  scrollTop = $state(0)
  viewport = $state(600)
  cursor = $state<Cell>({ row: 0, column: 0 })
  anchor = $state<Cell | null>(null)
  editing = $state(false)
  draft = $state('')
  selected = $state.raw<ReadonlySet<string>>(new Set())
  widths = $state<Record<string, number>>({})
  staged = new Staged()
  columns = $state.raw<Field[]>([])
  canEdit: (field: Field) => boolean
  #version = $state(0)
  #pages: Pages

  constructor(source: Source, columns: Field[], canEdit: (field: Field) => boolean) {
    this.columns = columns
    this.canEdit = canEdit
    this.#pages = new Pages(
      source,
      () => this.#arrived(),
      (failure) => this.#refused(failure),
    )
  }

  #arrived(): void {
    const { end, farthest } = this.#pages
    if (end !== undefined) {
      this.total = end
      this.isEstimate = false
      this.counted = true
    } else if (farthest >= this.total) {
      this.total = farthest + 1
      this.isEstimate = true
    }
    this.failure = null
    this.#version++
  }

  #refused(failure: unknown): void {
    this.failure = failure
    this.total = 0
  }

  count(total: number, isEstimate: boolean): void {
    const { end, farthest } = this.#pages
    this.total = end ?? Math.max(total, farthest)
    this.isEstimate = end === undefined && isEstimate
    this.counted = true
  }

  /** Pixels of rows for a pixel of the scroll bar. */
  get scale(): number {
    const high = this.total * ROW_PX
    return high > MOST_PX ? (high - this.viewport) / (MOST_PX - this.viewport) : 1
  }

  get height(): number {
    return Math.min(this.total * ROW_PX, MOST_PX)
  }

  /** Where the eye is, in pixels of rows. */
  get top(): number {
    return this.scrollTop * this.scale
  }

  get window(): { first: number; last: number } {
    const first = Math.max(0, Math.floor(this.top / ROW_PX) - MARGIN_ROWS)
    const last = Math.min(this.total, Math.ceil((this.top + this.viewport) / ROW_PX) + MARGIN_ROWS)
    return { first, last }
  }

  /** Where a row is drawn: at its place, moved along where the scroll bar is coarser than the rows. */
  y(row: number): number {
    return row * ROW_PX - this.top + this.scrollTop
  }

  need(): void {
    const { first, last } = this.window
    this.#pages.need(first, Math.max(first, last - 1))
  }

  row(index: number): Row | undefined {
    void this.#version
    return this.#pages.row(index)
  }

  get loaded(): Row[] {
    void this.#version
    return this.#pages.rows
  }

  /** A record as it is now: after a save, or in the inspector. */
  put(row: Row): void {
    this.#pages.put(row)
  }

  reload(): void {
    this.#pages.clear()
    this.counted = false
    this.failure = null
    this.#version++
  }

  value(row: Row, field: Field): unknown {
    const staged = this.staged.of(row.id)
    return staged && field.name in staged ? staged[field.name] : row[field.name]
  }

  move(row: number, column: number, extend = false): void {
    if (extend) this.anchor ??= { ...this.cursor }
    else this.anchor = null
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value))
    this.cursor = { row: clamp(row, this.total - 1), column: clamp(column, this.columns.length - 1) }
  }

  /** The scroll position at which the cursor can be seen; the present one if it can be already. */
  scrollToCursor(): number {
    const at = this.cursor.row * ROW_PX
    const room = this.viewport - HEAD_PX - ROW_PX
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
    this.draft = typed ?? written(field, this.value(row, field))
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
    this.staged.set(row, field.name, same(value, row[field.name]) ? undefined : value)
  }

  /** The range as lines of tab-separated values. */
  copy(): string {
    const { top, bottom, left, right } = this.range
    const lines: string[] = []
    for (let at = top; at <= bottom; at++) {
      const row = this.row(at)
      if (row) lines.push(this.columns.slice(left, right + 1).map((field) => quoted(written(field, this.value(row, field)))).join('\t'))
    }
    return lines.join('\n')
  }

  /** Stage a block from the cursor on. Answers what was left out, in a sentence, or nothing. */
  paste(text: string): string {
    const block = parseTsv(text)
    if (block.reduce((sum, line) => sum + line.length, 0) > MOST_PASTED) return `At most ${MOST_PASTED} cells can be pasted at once.`
    let refused = 0
    block.forEach((line, down) => {
      const row = this.row(this.cursor.row + down)
      line.forEach((content, right) => {
        const field = this.columns[this.cursor.column + right]
        const found = row && field && this.canEdit(field) ? read(field, content) : { problem: '' }
        if (row && field && 'value' in found) this.stage(row, field, found.value)
        else refused++
      })
    })
    return refused ? `${refused} cells were left out: they do not fit their column, or cannot be edited here.` : ''
  }

  toggle(id: string): void {
    const next = new Set(this.selected)
    if (!next.delete(id)) next.add(id)
    this.selected = next
  }

  selectAll(on: boolean): void {
    this.selected = on ? new Set(this.loaded.map((row) => row.id)) : new Set()
  }
}

const quoted = (text: string): string => (/[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Lines of tab-separated values as spreadsheets copy them: a cell with a tab, a line or a quote in it is quoted. */
export function parseTsv(text: string): string[][] {
  const lines: string[][] = [[]]
  let cell = ''
  let inside = false
  const source = text.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  for (let at = 0; at < source.length; at++) {
    const sign = source[at]!
    if (inside && sign === '"' && source[at + 1] === '"') cell += source[++at]
    else if (sign === '"' && (inside || cell === '')) inside = !inside
    else if (!inside && (sign === '\t' || sign === '\n')) {
      lines.at(-1)!.push(cell)
      cell = ''
      if (sign === '\n') lines.push([])
    } else cell += sign
  }
  lines.at(-1)!.push(cell)
  return lines
}
