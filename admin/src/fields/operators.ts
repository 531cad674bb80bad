/** What values can be compared by in a form, and how a value stands in a filter. */
import type { Field } from '../api/types'
import { quote } from './filter'
import { isMany } from './kinds'

export type Operator = { sign: string; label: string }
const EQUAL: Operator[] = [{ sign: '=', label: 'is' }, { sign: '!=', label: 'is not' }]
const TEXT: Operator[] = [{ sign: '~', label: 'contains' }, { sign: '!~', label: 'does not contain' }]
const ORDER: Operator[] = [{ sign: '>', label: 'is more than' }, { sign: '>=', label: 'is at least' }, { sign: '<', label: 'is less than' }, { sign: '<=', label: 'is at most' }]
const WHEN: Operator[] = [{ sign: '>', label: 'is after' }, { sign: '>=', label: 'is at or after' }, { sign: '<', label: 'is before' }, { sign: '<=', label: 'is at or before' }]
const ANY: Operator[] = [{ sign: '?=', label: 'has' }, { sign: '?!=', label: 'has another than' }]

/** What a field can be compared by. */
export function operators(field: Field | undefined): Operator[] {
  if (!field) return [...EQUAL, ...ORDER, ...TEXT]
  if (isMany(field)) return [...ANY, ...EQUAL]
  if (['number', 'decimal'].includes(field.type)) return [...EQUAL, ...ORDER]
  if (['date', 'autodate'].includes(field.type)) return [...WHEN, ...EQUAL]
  if (['bool', 'relation', 'select'].includes(field.type)) return EQUAL
  return [...EQUAL, ...TEXT]
}

/** A value as the filter writes it, for a field. */
export function valueText(field: Field | undefined, typed: string): string {
  const text = typed.trim()
  if (/^(@\w+|\{:\w+\}|true|false|null)$/.test(text)) return text
  if (field && ['number', 'bool', 'decimal'].includes(field.type) && text !== '' && Number.isFinite(Number(text))) return text
  return quote(typed)
}
