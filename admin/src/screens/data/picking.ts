/** The table that records to point at are picked from: which columns it has, and what is asked for. Pure but for what the browser remembers. */
import type { Collection, Field } from '../../api/types'
import { labelFields } from '../../fields/kinds'
import { Columns, type Column } from '../../grid/columns.svelte'

export const PICKED_ROWS = 20
const MOST_COLUMNS = 6
const NEVER = ['password', 'vector']

function remembered(collection: Collection): Column[] {
  try {
    return (JSON.parse(globalThis.localStorage?.getItem(`holdfast.columns.${collection.id}`) ?? '{}') as { columns?: Column[] }).columns ?? []
  } catch {
    return []
  }
}

/** What a record is known by comes first, then what the grid of the collection shows. */
export function pickerColumns(collection: Collection, kept: Column[] = remembered(collection)): Field[] {
  const fields = collection.fields.filter((field) => !NEVER.includes(field.type) && field.name !== 'tokenKey')
  const labels = labelFields(collection)
  const known = fields.filter((field) => labels.includes(field.name))
  const others = new Columns(fields, kept).shown.filter((field) => !labels.includes(field.name) && (field.name !== 'id' || !known.length))
  return [...known, ...others].slice(0, MOST_COLUMNS)
}

/** The next order when the head of a column is pressed: up, down, none. */
export const turned = (sort: string, name: string): string => (sort === name ? `-${name}` : sort === `-${name}` ? '' : name)

/** With one more, or without it; as many as there may be. */
export function toggled(picked: readonly string[], id: string, most: number): string[] {
  if (picked.includes(id)) return picked.filter((one) => one !== id)
  if (most === 1) return [id]
  return picked.length < most ? [...picked, id] : [...picked]
}

/** One of a list at another place. */
export function reordered<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list]
  if (from < 0 || from >= list.length || to < 0 || to >= list.length) return next
  next.splice(to, 0, ...next.splice(from, 1))
  return next
}
