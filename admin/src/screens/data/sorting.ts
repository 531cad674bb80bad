/** `-views,title`: the fields that records are sorted by, one after the other. */
import type { Collection } from '../../api/types'
import { NO_ORDER } from '../../fields/kinds'

export type Key = { name: string; falls: boolean }

export const readSort = (text: string): Key[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => ({ name: part.replace(/^[-+]/, ''), falls: part.startsWith('-') }))

export const writeSort = (keys: Key[]): string => keys.map(({ name, falls }) => (falls ? `-${name}` : name)).join(',')

export function moved(keys: Key[], from: number, by: number): Key[] {
  const list = [...keys]
  list.splice(from + by, 0, ...list.splice(from, 1))
  return list
}

export const sortable = (collection: Collection): string[] =>
  collection.fields.filter((field) => !NO_ORDER.includes(field.type) && field.name !== 'tokenKey').map((field) => field.name)
