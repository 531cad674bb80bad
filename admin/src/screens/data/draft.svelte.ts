/** A definition that is being written: kept in the browser until it is applied, and never guessed about. */
import type { Collection, Field } from '../../api/types'
import { drafts } from '../../app/drafts.svelte'
import { same } from '../../fields/value'
import { changesBetween, type Change } from './changes'
import { rebase, settled, type Clash, type Drawn, type Rest, type Shape, type Side } from './rebase'

/** What is sent: a field that is dropped is left out, a rename keeps the field's id. */
export type Definition = Pick<Collection, 'name' | 'fields' | 'indexes' | 'events' | 'history' | 'historyDays' | 'searchable' | 'comment'> & { viewQuery?: string }
export type DraftField = Field & { key: string; dropped: boolean }
/** What both have changed since the draft was begun, and which of them it shall be. */
export type Choice = Clash & { chosen: Side | '' }
type Kept = Drawn & { updated: string; base?: Shape; choices?: Choice[] }

const KEYS = ['name', 'indexes', 'events', 'history', 'historyDays', 'searchable', 'comment', 'viewQuery'] as const

export class Draft {
  base: Collection
  /** A draft is kept that does not say what it was begun on: it would undo what was done since. */
  stale = $state(false)
  choices = $state.raw<Choice[]>([])
  /** What somebody else has changed since this was written, as it is found out. */
  meanwhile = $state.raw<Change[]>([])
  fields = $state<DraftField[]>([])
  rest = $state<Rest>({ name: '', indexes: [], events: true, history: false, historyDays: 0, searchable: [], comment: '' })
  #next = 1

  constructor(base: Collection) {
    this.base = base
    this.#begin()
    this.#restore()
  }

  reset(): void {
    drafts.keep(this.base.id, '')
    this.stale = false
    this.choices = []
    this.meanwhile = []
    this.#begin()
  }

  /** Nothing is applied before it is said which of two it shall be. */
  get undecided(): number {
    return this.choices.filter((one) => !one.chosen).length
  }

  choose(at: number, side: Side): void {
    this.choices = this.choices.map((one, place) => (place === at ? { ...one, chosen: side } : one))
    const { fields, rest } = settled($state.snapshot({ fields: this.fields, rest: this.rest }) as Drawn, this.choices[at]!, side)
    this.fields = fields
    this.rest = rest
  }

  #begin(): void {
    const { fields, rest } = shapeOf(this.base)
    this.fields = fields.map((field) => ({ ...field, key: field.id, dropped: false }))
    this.rest = rest
  }

  /** A new field comes before the timestamps at the end, where they are usually wanted. */
  add(field: Field): DraftField {
    let at = this.fields.length
    while (field.type !== 'autodate' && at > 0 && this.fields[at - 1]!.type === 'autodate') at--
    while (this.fields.some((one) => one.key === `new-${this.#next}`)) this.#next++ // of a draft that was kept
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
    const kept: Kept = { updated: this.base.updated, base: shapeOf(this.base), fields: this.fields, rest: this.rest, choices: this.choices }
    if (this.isDirty || this.undecided) drafts.keep(this.base.id, JSON.stringify(kept))
    else if (!this.stale) drafts.keep(this.base.id, '')
  }

  /** A draft of an earlier version is laid over the collection as it is now. */
  #restore(): void {
    try {
      const kept = JSON.parse(drafts.read(this.base.id) || 'null') as Kept | null
      if (!kept) return
      if (kept.updated === this.base.updated) this.#take(kept, kept.choices ?? [])
      else if (kept.base) this.#rebase(kept, kept.base)
      else this.stale = true
    } catch {
      this.choices = []
      this.#begin() // what cannot be read is as if it were not there
    }
  }

  #take(drawn: Drawn, choices: Choice[]): void {
    this.fields = drawn.fields
    this.rest = drawn.rest
    this.choices = choices
  }

  #rebase(kept: Kept, base: Shape): void {
    const theirs = shapeOf(this.base)
    const found = rebase(base, kept, theirs)
    const isAgain = (one: Clash): boolean => found.clashes.some((other) => other.at === one.at && other.label === one.label)
    const open = (kept.choices ?? []).filter((one) => !one.chosen && !isAgain(one))
    this.#take(found, [...open, ...found.clashes.map((one): Choice => ({ ...one, chosen: '' }))])
    this.meanwhile = changesBetween(base, { fields: theirs.fields, rest: theirs.rest })
  }
}

function shapeOf(collection: Collection): Shape {
  const { name, indexes, events, history, historyDays, searchable, comment, viewQuery } = collection
  const rest = { name, indexes, events, history, historyDays, searchable, comment }
  return structuredClone({ fields: collection.fields, rest: viewQuery === undefined ? rest : { ...rest, viewQuery } })
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
