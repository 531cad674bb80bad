/** The types of fields: how each is called and drawn, and which options it has (docs/reference/fields.md). */
import type { Collection, Field, FieldType } from '../api/types'
import { cut } from './cut'

export type OptionKind = 'whole' | 'number' | 'text' | 'bool' | 'lines' | 'collection' | 'choice' | 'date'
export type Option = { key: string; label: string; kind: OptionKind; hint?: string; choices?: string[]; fallback: unknown }
export type Kind = { type: FieldType; label: string; hint: string; glyph: string; options: Option[] }

const whole = (key: string, label: string, hint = '', fallback: unknown = 0): Option => ({ key, label, kind: 'whole', hint, fallback })
const number = (key: string, label: string): Option => ({ key, label, kind: 'number', fallback: null })
const text = (key: string, label: string, hint = ''): Option => ({ key, label, kind: 'text', hint, fallback: '' })
const bool = (key: string, label: string, hint = ''): Option => ({ key, label, kind: 'bool', hint, fallback: false })
const lines = (key: string, label: string, hint = 'One on each line'): Option => ({ key, label, kind: 'lines', hint, fallback: [] })
const date = (key: string, label: string): Option => ({ key, label, kind: 'date', fallback: '' })
const DOMAINS = [lines('onlyDomains', 'Only these domains'), lines('exceptDomains', 'None of these domains')]

export const KINDS: Kind[] = [
  {
    type: 'text', label: 'Text', hint: 'Words, a title, a slug', glyph: 'text',
    options: [whole('min', 'Least characters'), whole('max', 'Most characters', '0 is 5,000'), text('pattern', 'Pattern', 'A regular expression'), text('autogeneratePattern', 'Made from', 'A pattern that new values are made from')],
  },
  { type: 'editor', label: 'Rich text', hint: 'HTML, kept as it is sent', glyph: 'editor', options: [whole('maxSize', 'Most bytes', '0 is 5 MiB')] },
  { type: 'number', label: 'Number', hint: 'A float, or a whole number', glyph: 'number', options: [number('min', 'Smallest'), number('max', 'Largest'), bool('onlyInt', 'Whole numbers only')] },
  {
    type: 'decimal', label: 'Decimal', hint: 'Exact digits, for money', glyph: 'number',
    options: [whole('precision', 'Digits', '', 18), whole('scale', 'After the point', '', 2), { ...text('min', 'Smallest'), fallback: null }, { ...text('max', 'Largest'), fallback: null }],
  },
  { type: 'bool', label: 'Yes or no', hint: 'true or false', glyph: 'bool', options: [] },
  { type: 'email', label: 'Email', hint: 'An address', glyph: 'email', options: DOMAINS },
  { type: 'url', label: 'Link', hint: 'An address on the web', glyph: 'url', options: DOMAINS },
  { type: 'date', label: 'Date and time', hint: 'A moment, kept in UTC', glyph: 'date', options: [date('min', 'Earliest'), date('max', 'Latest')] },
  { type: 'autodate', label: 'Timestamp', hint: 'Set by the server', glyph: 'autodate', options: [bool('onCreate', 'When a record is made'), bool('onUpdate', 'When a record is changed')] },
  { type: 'select', label: 'Choice', hint: 'One or more of fixed values', glyph: 'select', options: [lines('values', 'Values'), whole('maxSelect', 'How many can be chosen', '', 1)] },
  {
    type: 'relation', label: 'Relation', hint: 'Points at other records', glyph: 'relation',
    options: [
      { key: 'collectionId', label: 'Points at', kind: 'collection', fallback: '' },
      whole('maxSelect', 'How many', '', 1), whole('minSelect', 'At least'), bool('cascadeDelete', 'Delete with it', 'A record goes when what it points at goes'),
    ],
  },
  {
    type: 'file', label: 'File', hint: 'Pictures, documents', glyph: 'file',
    options: [whole('maxSelect', 'How many', '', 1), whole('maxSize', 'Most bytes of one', '0 is 5 MiB'), lines('mimeTypes', 'Types', 'One on each line, such as image/*'), bool('protected', 'Protected', 'Only who may view the record gets the file')],
  },
  { type: 'json', label: 'JSON', hint: 'Anything that is JSON', glyph: 'json', options: [whole('maxSize', 'Most bytes', '0 is 1 MiB')] },
  { type: 'geoPoint', label: 'Place', hint: 'Longitude and latitude', glyph: 'geoPoint', options: [] },
  { type: 'vector', label: 'Vector', hint: 'Numbers for similarity search', glyph: 'vector', options: [whole('dimensions', 'How many numbers'), { key: 'metric', label: 'Compared by', kind: 'choice', choices: ['cosine', 'l2', 'ip'], fallback: 'cosine' }] },
  { type: 'password', label: 'Password', hint: 'A hash that never goes out', glyph: 'password', options: [whole('min', 'Least characters'), whole('max', 'Most characters', '0 is 1,024')] },
]

const BY_TYPE = new Map(KINDS.map((kind) => [kind.type, kind]))
export const kindOf = (type: FieldType): Kind => BY_TYPE.get(type) ?? KINDS[0]!

/** Whether a field holds a list. */
export const isMany = (field: Field): boolean => ['select', 'relation', 'file'].includes(field.type) && Number(field.maxSelect ?? 1) > 1

/** A new field of a type, with what its options begin with. */
export function newField(type: FieldType, name: string): Field {
  const options = Object.fromEntries(kindOf(type).options.map((option) => [option.key, option.fallback]))
  if (type === 'autodate') options.onCreate = true
  if (type === 'vector') options.dimensions = 384
  const plain = { id: '', name, type, system: false, hidden: false, presentable: false, required: false, help: '' }
  return { ...plain, nullable: false, unique: false, default: null, ...options }
}

/** What has no order, and is not counted by its values. */
export const NO_ORDER: FieldType[] = ['json', 'geoPoint', 'vector', 'file']
const NO_UNIQUE: FieldType[] = ['password', 'file', 'editor', 'json', 'geoPoint', 'vector']
const NO_DEFAULT: FieldType[] = ['password', 'file', 'autodate']
export const canBeUnique = (field: Field): boolean => field.name !== 'id' && !isMany(field) && !NO_UNIQUE.includes(field.type)
export const canHaveDefault = (field: Field): boolean => field.name !== 'id' && !NO_DEFAULT.includes(field.type)
export const canBeNull = (field: Field): boolean => field.name !== 'id' && field.type !== 'password' && field.type !== 'autodate'
export const canBeRequired = (field: Field): boolean => field.type !== 'autodate'

/** The fields that say which record it is where there is little room. */
export function labelFields(collection: Collection): string[] {
  const chosen = collection.fields.filter((field) => field.presentable).map((field) => field.name)
  if (chosen.length) return chosen.slice(0, 2)
  const named = ['name', 'title', 'label', 'email', 'username', 'slug'].find((name) => collection.fields.some((field) => field.name === name))
  return named ? [named] : []
}

/** What a record is called in a line; the whole of it may be a megabyte. */
export function labelOf(collection: Collection | undefined, record: Record<string, unknown>): string {
  const found = collection ? labelFields(collection).map((name) => String(record[name] ?? '')).filter(Boolean) : []
  return cut(found.join(' · ') || String(record.id ?? ''))
}
