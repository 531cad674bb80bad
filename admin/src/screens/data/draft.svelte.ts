/** A definition that is being written: kept in the browser until it is applied, and never guessed about. */
import type { Collection, Field } from '../../api/types'
import { same } from '../../fields/value'

/** What is sent: a field that is dropped is left out, a rename keeps the field's id. */
export type Definition = Pick<Collection, 'name' | 'fields' | 'indexes' | 'events' | 'history' | 'historyDays' | 'searchable' | 'comment'> & { viewQuery?: string }
export type DraftField = Field & { key: string; dropped: boolean }

const KEYS = ['name', 'indexes', 'events', 'history', 'historyDays', 'searchable', 'comment', 'viewQuery'] as const

export class Draft {
  base: Collection
  fields = $state<DraftField[]>([])
  rest = $state<Omit<Definition, 'fields'>>({ name: '', indexes: [], events: true, history: false, historyDays: 0, searchable: [], comment: '' })
  #next = 1

  constructor(base: Collection) {
    this.base = base
    this.#begin()
    this.#restore()
  }

  get #key(): string {
    return `holdfast.draft.${this.base.id}`
  }

  reset(): void {
    localStorage.removeItem(this.#key)
    this.#begin()
  }

  #begin(): void {
    const { name, indexes, events, history, historyDays, searchable, comment, viewQuery } = this.base
    const rest = { name, indexes, events, history, historyDays, searchable, comment }
    this.fields = this.base.fields.map((field) => ({ ...structuredClone(field), key: field.id, dropped: false }))
    this.rest = structuredClone(viewQuery === undefined ? rest : { ...rest, viewQuery })
  }

  /** A new field comes before the timestamps at the end, where they are usually wanted. */
  add(field: Field): DraftField {
    let at = this.fields.length
    while (field.type !== 'autodate' && at > 0 && this.fields[at - 1]!.type === 'autodate') at--
    this.fields.splice(at, 0, { ...field, key: `new-${this.#next++}`, dropped: false })
    return this.fields[at]!
  }

  /** A new field just goes; one that is there is struck through until the change is applied. */
  drop(field: DraftField): void {
    if (field.id) field.dropped = !field.dropped
    else this.fields = this.fields.filter((one) => one.key !== field.key)
  }

  move(field: DraftField, by: number): void {
    const at = this.fields.findIndex((one) => one.key === field.key)
    const to = at + by
    if (to < 0 || to >= this.fields.length) return
    this.fields.splice(to, 0, ...this.fields.splice(at, 1))
  }

  before(field: DraftField): Field | undefined {
    return this.base.fields.find((one) => one.id === field.id)
  }

  isChanged(field: DraftField): boolean {
    const before = this.before(field)
    return field.dropped || !before || !same(plain(field), before)
  }

  /** The body of a PATCH: what differs, and the fields as a whole. */
  get body(): Partial<Definition> {
    const found: Record<string, unknown> = {}
    for (const key of KEYS) if (!same(this.rest[key], this.base[key])) found[key] = $state.snapshot(this.rest[key])
    const fields = this.fields.filter((field) => !field.dropped).map((field) => $state.snapshot(plain(field)) as Field)
    if (this.base.type !== 'view' && !same(fields, this.base.fields)) found.fields = fields.map(withoutEmptyId)
    return found as Partial<Definition>
  }

  get isDirty(): boolean {
    return Object.keys(this.body).length > 0
  }

  /** The place in `body.fields` that a problem names is the place of this field. */
  problemPath(field: DraftField): string {
    return `fields.${this.fields.filter((one) => !one.dropped).findIndex((one) => one.key === field.key)}`
  }

  save(): void {
    if (this.isDirty) localStorage.setItem(this.#key, JSON.stringify({ updated: this.base.updated, fields: this.fields, rest: this.rest }))
    else localStorage.removeItem(this.#key)
  }

  // A draft of another version of the collection would undo what was done since: it is left.
  #restore(): void {
    try {
      const found = JSON.parse(localStorage.getItem(this.#key) ?? 'null') as { updated: string; fields: DraftField[]; rest: Omit<Definition, 'fields'> } | null
      if (found?.updated !== this.base.updated) return
      this.fields = found.fields
      this.rest = found.rest
    } catch {
      localStorage.removeItem(this.#key)
    }
  }
}

function plain(field: DraftField): Field {
  const { key: _, dropped: __, ...rest } = field
  return rest
}

function withoutEmptyId(field: Field): Field {
  if (field.id) return field
  const { id: _, ...rest } = field
  return rest as Field
}
