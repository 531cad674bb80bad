/** A record that is being written: what it was, what it is to be, and the files that come along. */
import type { Collection, Field, Row } from '../../api/types'
import { canHaveDefault, isMany } from '../../fields/kinds'
import { empty, sameValue } from '../../fields/value'

export class RecordForm {
  collection: Collection
  isNew: boolean
  base = $state.raw<Row>({ id: '' })
  /** Never changed in place: a document of some megabytes would be wrapped part by part. */
  values = $state.raw<Readonly<Record<string, unknown>>>({})
  /** Files to send, by field. */
  files = $state<Record<string, File[]>>({})
  /** What cannot be sent as it is typed, such as broken JSON, by field. */
  broken = $state<Record<string, string>>({})
  /** What was typed and is not read yet, by field: large documents are read in a pause. */
  #waiting = new Map<string, () => void>()

  constructor(collection: Collection, row: Row | null) {
    this.collection = collection
    this.isNew = row === null
    this.reset(row ?? blank(collection))
  }

  reset(row: Row): void {
    this.base = row
    const fields = this.collection.fields.map((field) => [field.name, row[field.name] ?? null])
    this.values = Object.fromEntries(fields)
    this.files = {}
    this.broken = {}
  }

  /** Somebody else was faster: what was not touched here becomes theirs, the rest stays. */
  rebase(row: Row): string[] {
    const mine = this.changes
    const conflicts = Object.keys(mine).filter((name) => name in row && !sameValue(row[name], this.base[name]) && !sameValue(row[name], mine[name]))
    this.base = row
    const fresh = this.collection.fields.filter((field) => !(field.name in mine)).map((field) => [field.name, row[field.name] ?? null])
    this.values = { ...this.values, ...Object.fromEntries(fresh) }
    return conflicts
  }

  set(name: string, value: unknown): void {
    this.values = { ...this.values, [name]: value }
    delete this.broken[name]
  }

  /** A field has something to read later; null once it has none. */
  wait(name: string, read: (() => void) | null): void {
    if (read) this.#waiting.set(name, read)
    else this.#waiting.delete(name)
  }

  /** Read now what waits for a pause. */
  settle(): void {
    for (const read of [...this.#waiting.values()]) read()
  }

  isChanged(field: Field): boolean {
    if (this.files[field.name]?.length || this.broken[field.name]) return true
    if (field.type === 'password') return Boolean(this.values[field.name])
    return !sameValue(this.values[field.name] ?? null, this.base[field.name] ?? null)
  }

  get isDirty(): boolean {
    return this.collection.fields.some((field) => this.isChanged(field))
  }

  /** What is not saved, as a text that `takeBack` reads: without files and passwords, which are kept nowhere. */
  kept(etag: string): string {
    const names = this.collection.fields.filter((field) => this.isChanged(field) && !['password', 'file', 'autodate'].includes(field.type)).map((field) => field.name)
    const pick = (row: Readonly<Record<string, unknown>>) => Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
    return JSON.stringify({ etag, base: pick(this.base), values: pick(this.values) })
  }

  /** Answers the version that it was written over, and the fields that somebody else has changed since. */
  takeBack(text: string): { etag: string; moved: string[] } {
    const { etag, base, values } = JSON.parse(text) as Record<'base' | 'values', Record<string, unknown>> & { etag: string }
    const there = Object.entries(values).filter(([name]) => this.collection.fields.some((field) => field.name === name))
    this.values = { ...this.values, ...Object.fromEntries(there) }
    return { etag, moved: there.map(([name]) => name).filter((name) => !sameValue(this.base[name] ?? null, base[name])) }
  }

  /** The fields that go out: those that were changed, without what the server sets. */
  get changes(): Record<string, unknown> {
    const found: Record<string, unknown> = {}
    for (const field of this.collection.fields) {
      if (field.type === 'autodate' || field.name === 'tokenKey' || !this.isChanged(field)) continue
      if (field.type === 'file' && !this.isKept(field)) continue
      found[field.name] = this.values[field.name]
      if (field.type === 'password' && field.name === 'password') found.passwordConfirm = found[field.name]
    }
    return found
  }

  // A field of one file that gets a new one names no old one.
  private isKept(field: Field): boolean {
    return isMany(field) || !this.files[field.name]?.length
  }

  /** The body: JSON, or a form where files come along. */
  body(): { body: unknown } | { form: FormData } {
    const sent = Object.entries(this.files).filter(([, list]) => list.length)
    if (!sent.length) return { body: this.changes }
    const form = new FormData()
    form.append('@jsonPayload', JSON.stringify(this.changes))
    for (const [name, list] of sent) {
      const field = this.collection.fields.find((one) => one.name === name)!
      for (const file of list) form.append(isMany(field) ? `${name}+` : name, file)
    }
    return { form }
  }
}

/** A new record: what each field begins with. The server has the last word. */
function blank(collection: Collection): Row {
  const values = collection.fields.map((field): [string, unknown] => {
    if (field.name === 'id') return ['id', '']
    const given = canHaveDefault(field) && typeof field.default !== 'string' && field.default !== null && field.default !== undefined
    return [field.name, given ? field.default : field.type === 'password' ? '' : empty(field)]
  })
  return { ...Object.fromEntries(values), id: '' }
}
