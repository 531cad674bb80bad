/** What is different between two versions of a collection, line by line. */
import type { Field } from '../../api/types'
import { same } from '../../fields/value'
import type { DraftField } from './draft.svelte'
import type { Rest, Shape } from './rebase'

export type Change = { mark: '+' | '−' | '→' | '~'; text: string }

const LABELS: Partial<Record<keyof Rest, string>> = {
  indexes: 'indexes', events: 'whether changes are events', history: 'whether versions are kept', historyDays: 'how long versions are kept',
  searchable: 'full-text search', comment: 'note', viewQuery: 'query',
}

/** A field is dropped that says so, and one that is not there any more. */
export function changesBetween(before: Shape, after: { fields: (Field | DraftField)[]; rest: Rest }): Change[] {
  const found: Change[] = after.fields.flatMap((field) => ofField(before.fields.find((one) => one.id === field.id), field))
  const gone = before.fields.filter((field) => !after.fields.some((one) => one.id === field.id))
  found.push(...gone.map((field): Change => ({ mark: '−', text: field.name })))
  if (order(after.fields, before.fields) !== order(before.fields, after.fields)) found.push({ mark: '~', text: 'order of the fields' })
  if (after.rest.name !== before.rest.name) found.push({ mark: '→', text: `${before.rest.name} → ${after.rest.name}` })
  for (const [key, label] of Object.entries(LABELS) as [keyof Rest, string][]) if (!same(after.rest[key], before.rest[key])) found.push({ mark: '~', text: label })
  return found
}

function ofField(before: Field | undefined, field: Field | DraftField): Change[] {
  if (!before) return [{ mark: '+', text: `${field.name} ${field.type}` }]
  if (field.dropped) return [{ mark: '−', text: before.name }]
  const { key: _, dropped: __, ...now } = field
  const found: Change[] = before.name === field.name ? [] : [{ mark: '→', text: `${before.name} → ${field.name}` }]
  if (!same({ ...now, name: before.name }, before)) found.push({ mark: '~', text: before.type === field.type ? field.name : `${field.name}: ${before.type} becomes ${field.type}` })
  return found
}

/** The ids of those that both have, in the order of the first. */
const order = (list: Field[], other: Field[]): string => list.map((one) => one.id).filter((id) => id && other.some((one) => one.id === id)).join()
