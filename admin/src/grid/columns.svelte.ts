/** The columns of a grid: which are shown, in which order, how wide, and which stay in sight. By the ids of fields. */
import type { Field } from '../api/types'

export type Column = { field: string; width?: number; pinned?: boolean }
export const LEAST_PX = 56
export const MOST_PX = 1200

export class Columns {
  /** Those of the collection, which are shown unless somebody hides them. */
  own = $state.raw<Field[]>([])
  /** Columns of related records that somebody has added, out of those that there could be. */
  #added = $state.raw<Field[]>([])
  possible: Field[] = []
  #order = $state.raw<string[]>([])
  #hidden = $state.raw<ReadonlySet<string>>(new Set())
  #pinned = $state.raw<ReadonlySet<string>>(new Set())
  #widths = $state.raw<Readonly<Record<string, number>>>({})

  constructor(fields: Field[], columns: Column[] = [], possible: Field[] = []) {
    this.own = fields
    this.possible = possible
    this.apply(columns)
  }

  get fields(): Field[] {
    return this.#added.length ? [...this.own, ...this.#added] : this.own
  }

  /** The names of the columns of related records. */
  get added(): string[] {
    return this.#added.map((field) => field.name)
  }

  isAdded(field: Field): boolean {
    return this.#added.some((one) => one.id === field.id)
  }

  /** Have these columns of related records, by their names, and no others; new ones stand behind their relation. */
  addOnly(names: readonly string[]): void {
    const added = this.possible.filter((field) => names.includes(field.name))
    const fresh = added.filter((field) => !this.isAdded(field))
    if (!fresh.length && added.length === this.#added.length) return
    const order = this.ordered.map((field) => field.id).filter((id) => this.own.some((field) => field.id === id) || added.some((field) => field.id === id))
    for (const field of fresh.reverse()) order.splice(order.indexOf(field.id.split('.')[0]!) + 1 || order.length, 0, field.id)
    this.#added = added
    this.#order = order
  }

  /** All fields in their order: those that nobody has placed come where they are defined. */
  get ordered(): Field[] {
    const place = new Map(this.#order.map((id, at) => [id, at]))
    const known = this.fields.filter((field) => place.has(field.id)).sort((a, b) => place.get(a.id)! - place.get(b.id)!)
    if (known.length === this.fields.length) return known
    const found = [...known]
    this.fields.forEach((field, at) => {
      if (place.has(field.id)) return
      const before = this.fields[at - 1]
      found.splice(before ? found.indexOf(before) + 1 : 0, 0, field)
    })
    return found
  }

  /** Those that are drawn, the pinned ones first. */
  get shown(): Field[] {
    const seen = this.ordered.filter((field) => !this.isHidden(field))
    return [...seen.filter((field) => this.isPinned(field)), ...seen.filter((field) => !this.isPinned(field))]
  }

  get pinned(): number {
    return this.shown.filter((field) => this.isPinned(field)).length
  }

  isHidden(field: Field): boolean {
    return this.#hidden.has(field.id)
  }

  isPinned(field: Field): boolean {
    return this.#pinned.has(field.id)
  }

  width(field: Field): number {
    return this.#widths[field.id] ?? usual(field)
  }

  resize(field: Field, width: number): void {
    this.#widths = { ...this.#widths, [field.id]: Math.round(Math.max(LEAST_PX, Math.min(MOST_PX, width))) }
  }

  hide(field: Field, off: boolean): void {
    this.#hidden = changed(this.#hidden, field.id, off)
  }

  pin(field: Field, on: boolean): void {
    this.#pinned = changed(this.#pinned, field.id, on)
  }

  move(field: Field, by: number): void {
    const shown = this.shown
    const beside = shown[shown.indexOf(field) + by]
    if (!beside || this.isPinned(beside) !== this.isPinned(field)) return
    const order = this.ordered.map((one) => one.id).filter((id) => id !== field.id)
    order.splice(order.indexOf(beside.id) + (by > 0 ? 1 : 0), 0, field.id)
    this.#order = order
  }

  /** What is kept of it: nothing where it is as it comes. */
  get state(): Column[] {
    if (!this.#order.length && !this.#hidden.size && !this.#pinned.size && !Object.keys(this.#widths).length) return []
    return this.ordered
      .filter((field) => !this.isHidden(field))
      .map((field) => ({
        field: field.id,
        ...(this.#widths[field.id] ? { width: this.#widths[field.id]! } : {}),
        ...(this.isPinned(field) ? { pinned: true } : {}),
      }))
  }

  apply(columns: Column[]): void {
    this.#added = this.possible.filter((field) => columns.some((column) => column.field === field.id))
    const there = columns.filter((column) => this.fields.some((field) => field.id === column.field))
    this.#order = there.map((column) => column.field)
    this.#hidden = new Set(there.length ? this.fields.filter((field) => !this.#order.includes(field.id)).map((field) => field.id) : [])
    this.#pinned = new Set(there.filter((column) => column.pinned).map((column) => column.field))
    this.#widths = Object.fromEntries(there.filter((column) => column.width).map((column) => [column.field, column.width!]))
  }
}

function changed(set: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  const next = new Set(set)
  if (on) next.add(id)
  else next.delete(id)
  return next
}

function usual(field: Field): number {
  if (field.name === 'id') return 150
  const widths: Partial<Record<Field['type'], number>> = { bool: 92, number: 112, decimal: 112, date: 172, autodate: 172, json: 220, text: 220, editor: 240, select: 132, file: 180 }
  return Math.max(widths[field.type] ?? 168, field.name.length * 8 + 60)
}
