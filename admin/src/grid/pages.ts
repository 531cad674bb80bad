/** A sparse cache of pages: what is near the eye is kept, what has scrolled out is forgotten and not waited for. */
import type { Page, Row } from '../api/types'

export const PAGE_ROWS = 100
export const MOST_PAGES = 12

/** Reads a page: by the cursor that the page before it gave, where there is one, else by its number. */
export type Source = (page: number, cursor: string | undefined, signal: AbortSignal) => Promise<Page>

export class Pages {
  #pages = new Map<number, Row[]>()
  #waiting = new Map<number, AbortController>()
  #first = 0
  #cursors = new Map<number, string>([[0, '']])

  constructor(
    private readonly source: Source,
    private readonly changed: () => void,
    private readonly failed: (failure: unknown) => void,
    private readonly waits: (pages: number) => void = () => {},
  ) {}

  row(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS]
  }

  /** The end of the list, where a page that is not full has shown it. */
  get end(): number | undefined {
    for (const [page, rows] of this.#pages) if (rows.length < PAGE_ROWS && (rows.length || page === 0)) return page * PAGE_ROWS + rows.length
    return undefined
  }

  /** The rows from the first to the last of those that are loaded. */
  get farthest(): number {
    return Math.max(0, ...[...this.#pages].map(([page, rows]) => page * PAGE_ROWS + rows.length))
  }

  get rows(): Row[] {
    return [...this.#pages.values()].flat()
  }

  /** See that what stands from `first` to `last` is there or on its way, and the page that comes next. */
  need(first: number, last: number): void {
    const up = first < this.#first
    this.#first = first
    const from = Math.max(0, Math.floor(first / PAGE_ROWS) - (up ? 1 : 0))
    const to = Math.floor(last / PAGE_ROWS) + (up ? 0 : 1)
    for (const [page, waiting] of this.#waiting) {
      if (page >= from - 1 && page <= to + 1) continue
      waiting.abort()
      this.#waiting.delete(page) // The eye may come back before the browser has given it up.
    }
    for (let page = from; page <= to; page++) void this.#load(page)
    this.#forget((from + to) / 2)
  }

  put(row: Row): void {
    for (const rows of this.#pages.values()) {
      const at = rows.findIndex((one) => one.id === row.id)
      if (at >= 0) rows[at] = row
    }
    this.changed()
  }

  /** Wait for nothing any more. */
  stop(): void {
    for (const waiting of this.#waiting.values()) waiting.abort()
    this.#waiting.clear()
    this.waits(0)
  }

  clear(): void {
    this.stop()
    this.#pages.clear()
    this.#cursors = new Map([[0, '']])
  }

  async #load(page: number): Promise<void> {
    const end = this.end
    if (this.#pages.has(page) || this.#waiting.has(page) || (end !== undefined && page * PAGE_ROWS >= end)) return
    const waiting = new AbortController()
    this.#waiting.set(page, waiting)
    this.waits(this.#waiting.size)
    try {
      const found = await this.source(page, this.#cursors.get(page), waiting.signal)
      if (waiting.signal.aborted) return
      this.#pages.set(page, found.items)
      if (found.nextCursor) this.#cursors.set(page + 1, found.nextCursor)
      this.changed()
    } catch (failure) {
      if (!waiting.signal.aborted) this.failed(failure)
    } finally {
      if (this.#waiting.get(page) === waiting) this.#waiting.delete(page)
      this.waits(this.#waiting.size)
    }
  }

  #forget(centre: number): void {
    const far = [...this.#pages.keys()].sort((a, b) => Math.abs(a - centre) - Math.abs(b - centre)).slice(MOST_PAGES)
    for (const page of far) this.#pages.delete(page)
  }
}
