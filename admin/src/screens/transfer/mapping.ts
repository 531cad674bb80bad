/** Which column of a file goes into which field. */
import type { Collection, Field, FieldType } from '../../api/types'
import { csvCell, SIGNS, type Head } from './file'

/** `to` is the name that the server is told: a field, `author.email`, or nothing for a column that stays out. */
export type Mapped = { column: string; to: string }
export type Target = { to: string; label: string }
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9.]/g, '')

/** What can be told of: fields, and relations by a text of their records that is unique. */
export function targets(collection: Collection, byId: (id: string) => Collection | undefined): Target[] {
  return collection.fields.flatMap((field): Target[] => {
    if (field.type === 'file' || field.name === 'tokenKey') return []
    const own = { to: field.name, label: field.name }
    const target = field.type === 'relation' ? byId(String(field.collectionId)) : undefined
    const labels = (target?.fields ?? []).filter((one) => isNatural(target!, one))
    return [own, ...labels.map((one) => ({ to: `${field.name}.${one.name}`, label: `${field.name}, by its ${one.name}` }))]
  })
}

/** The unique texts of a collection: by them people call its records. */
export function isNatural(collection: Collection, field: Field): boolean {
  const unique = field.unique || collection.indexes.some((index) => new RegExp(`^\\s*CREATE\\s+UNIQUE\\s+INDEX\\b[^(]*\\(\\s*[\`"\\[]?${field.name}[\`"\\]]?\\s*(?:COLLATE\\s+\\w+\\s*)?(?:ASC|DESC)?\\s*\\)`, 'i').test(index))
  return ['text', 'email', 'url'].includes(field.type) && field.name !== 'id' && field.name !== 'tokenKey' && (unique || (collection.type === 'auth' && field.name === 'email'))
}

/** The fields by which records can be told: the id, and what only one record has. */
export const keys = (collection: Collection): string[] => ['id', ...collection.fields.filter((field) => field.unique || isNatural(collection, field)).map((field) => field.name)]

/** Columns that are called like a field go there. Each field is given once. */
export function guess(columns: string[], known: Target[]): Mapped[] {
  const taken = new Set<string>()
  return columns.map((column) => {
    const found = known.find((one) => one.to === column) ?? known.find((one) => plain(one.to) === plain(column))
    if (!found || taken.has(found.to)) return { column, to: '' }
    taken.add(found.to)
    return { column, to: found.to }
  })
}

/** The first line that the server gets. A column that stays out has a name that no field can have. */
export function header(head: Head, mapped: Mapped[]): string {
  return mapped.map((one, at) => csvCell(one.to || `(left out ${at + 1})`, SIGNS[head.delimiter])).join(SIGNS[head.delimiter]) + '\n'
}

/** What type a field would have to be to take these values. */
export function typeOf(values: string[]): FieldType {
  const there = values.filter((value) => value.trim() !== '')
  const all = (test: RegExp): boolean => there.length > 0 && there.every((value) => test.test(value.trim()))
  if (all(/^(true|false)$/i)) return 'bool'
  if (all(/^[+-]?(\d{1,15})(\.\d+)?$/) && !there.some((value) => /^0\d/.test(value.trim()))) return 'number'
  if (all(/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/) || all(WRITTEN)) return 'date'
  if (all(/^[^\s@]+@[^\s@]+\.[^\s@]+$/)) return 'email'
  if (all(/^https?:\/\/\S+$/)) return 'url'
  if (all(/^[[{].*[\]}]$/s)) return 'json'
  return 'text'
}

const WRITTEN = /^(\d{1,2})([./-])(\d{1,2})\2\d{4}(?:,?[ T].*)?$/
/** How dates are written in these values: as far as they tell, with the day or the month first. */
export function datesOf(values: string[]): 'iso' | 'dmy' | 'mdy' {
  const found = values.map((value) => WRITTEN.exec(value.trim())).filter((one) => one !== null)
  if (!found.length) return 'iso'
  return found.some((one) => Number(one[3]) > 12) || (found.every((one) => one[2] === '/') && !found.some((one) => Number(one[1]) > 12)) ? 'mdy' : 'dmy'
}

/** A name that a field can have, of what a column is called. */
export function fieldName(column: string): string {
  const name = column.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+|_+$/g, '')
  return /^[A-Za-z]/.test(name) ? name.slice(0, 60) : `column_${name}`.slice(0, 60)
}
