/** How a cell shows its value: a text and its style. One element for every type, so that a grid that is scrolled makes none. */
import type { Field } from '../api/types'
import { isEmpty, otherTime, shown } from '../fields/value'

export type Look = { text: string; style: string; title?: string; hue?: string; direction?: string }

// `dir=auto` is found anew, with all styles, at every change of the text: in a grid that is scrolled, at every frame.
const RIGHT_TO_LEFT = /^\P{L}*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u
const MONO = ['json', 'date', 'autodate', 'vector']
const HUES = 4

/** `there` is whether the row has come. */
export function look(field: Field, there: boolean, value: unknown, label: string): Look {
  const plain = styleOf(field)
  if (!there) return { text: '', style: plain }
  if (value === null || value === undefined) return { text: field.type === 'json' || field.nullable ? 'null' : '', style: 'mono text-ink3 italic' }
  if (field.type === 'bool') return { text: String(value === true), style: value ? '' : 'text-ink3' }
  if (field.type !== 'json' && isEmpty(field, value)) return { text: '', style: '' }
  const text = field.type === 'relation' && label ? label : shown(field, value)
  if (field.type === 'select') return { text, style: plain, hue: `var(--hue-${hueOf(field, value)})` }
  if (field.type === 'date' || field.type === 'autodate') return { text, style: plain, title: otherTime(String(value)) }
  return RIGHT_TO_LEFT.test(text) ? { text, style: plain, direction: 'rtl' } : { text, style: plain }
}

function styleOf(field: Field): string {
  if (field.type === 'relation') return 'truncate text-petrol'
  if (field.type === 'select') return 'edge truncate text-xs'
  return field.name === 'id' || MONO.includes(field.type) ? 'mono truncate text-ink2' : 'truncate'
}

function hueOf(field: Field, value: unknown): number {
  const first = String(Array.isArray(value) ? value[0] : value)
  return Math.max(0, ((field.values as string[] | undefined) ?? []).indexOf(first)) % HUES
}
