/** A draft laid over a collection that somebody has changed since: by the ids of fields, and option by option. */
import type { Field } from '../../api/types'
import { indexName } from '../../fields/indexes'
import { same } from '../../fields/value'
import type { Definition, DraftField } from './draft.svelte'
import { merge, mergeSets, weave } from './merge'

export type Rest = Omit<Definition, 'fields'>
/** A collection as a draft knows it, and the draft of one. */
export type Shape = { fields: Field[]; rest: Rest }
export type Drawn = { fields: DraftField[]; rest: Rest }

type Options = Record<string, unknown>
/** What both have changed. `mine` and `theirs` are what the place would hold: null is that nothing is there. */
export type Clash =
  | { at: 'field'; key: string; label: string; mine: DraftField | null; theirs: DraftField | null }
  | { at: 'options'; key: string; label: string; mine: Options; theirs: Options }
  | { at: 'rest'; key: keyof Rest; label: string; mine: unknown; theirs: unknown }
  | { at: 'index'; key: string; label: string; mine: string | null; theirs: string | null }
  | { at: 'order'; key: ''; label: string; mine: string[]; theirs: string[] }
export type Side = 'mine' | 'theirs'

// Every type has these; the others belong to the type, and are chosen with it.
const COMMON = ['name', 'hidden', 'presentable', 'help']
const LABELS: Partial<Record<keyof Rest, string>> = {
  name: 'Name', events: 'Every change is an event', history: 'Versions are kept', historyDays: 'Days that versions are kept', comment: 'Note', viewQuery: 'Query',
}

export function rebase(base: Shape, mine: Drawn, theirs: Shape): Drawn & { clashes: Clash[] } {
  const clashes: Clash[] = []
  const fields = inOrder(base, mine, theirs, laidOver(base, mine, theirs, clashes), clashes)
  const rest: Rest = { ...theirs.rest, searchable: mergeSets(base.rest.searchable, mine.rest.searchable, theirs.rest.searchable) }
  for (const [key, label] of Object.entries(LABELS) as [keyof Rest, string][]) {
    const found = merge(base.rest[key], mine.rest[key], theirs.rest[key])
    if (found.clash) clashes.push({ at: 'rest', key, label, mine: mine.rest[key], theirs: theirs.rest[key] })
    if (found.value !== undefined) Object.assign(rest, { [key]: found.value })
  }
  rest.indexes = indexes(base.rest.indexes, mine.rest.indexes, theirs.rest.indexes, clashes)
  return { fields, rest, clashes }
}

/** The draft with one side of a clash in its place. */
export function settled(drawn: Drawn, clash: Clash, side: Side): Drawn {
  const { fields, rest } = drawn
  if (clash.at === 'rest') return { fields, rest: { ...rest, [clash.key]: clash[side] } }
  if (clash.at === 'index') {
    const others = rest.indexes.filter((text) => indexName(text) !== clash.key)
    return { fields, rest: { ...rest, indexes: clash[side] === null ? others : [...others, clash[side]] } }
  }
  if (clash.at === 'order') return { fields: sorted(fields, weave(clash[side], keysOf(fields))), rest }
  if (clash.at === 'options') return { fields: fields.map((field) => (field.key === clash.key ? ({ ...without(field, clash), ...clash[side] } as DraftField) : field)), rest }
  const taken = clash[side]
  if (!taken) return { fields: fields.filter((field) => field.key !== clash.key), rest }
  const there = fields.some((field) => field.key === clash.key)
  return { fields: there ? fields.map((field) => (field.key === clash.key ? taken : field)) : [...fields, taken], rest }
}

const keysOf = (fields: DraftField[]): string[] => fields.map((field) => field.key)
const asDrawn = (field: Field): DraftField => ({ ...field, key: field.id, dropped: false })
const sorted = (fields: DraftField[], keys: string[]): DraftField[] => [...fields].sort((one, other) => keys.indexOf(one.key) - keys.indexOf(other.key))

function without(field: DraftField, clash: { mine: Options; theirs: Options }): Options {
  return Object.fromEntries(Object.entries(field).filter(([name]) => !(name in clash.mine) && !(name in clash.theirs)))
}

function plain(field: DraftField): Field {
  const { key: _, dropped: __, ...rest } = field
  return rest as Field
}

/** Every field that either of us wants, without an order. */
function laidOver(base: Shape, mine: Drawn, theirs: Shape, clashes: Clash[]): DraftField[] {
  const before = (id: string): Field | undefined => base.fields.find((one) => one.id === id)
  const twins = new Set<string>()
  const found = theirs.fields.map((field) => {
    const was = before(field.id)
    const own = was ? mine.fields.find((one) => one.id === field.id) : mine.fields.find((one) => !one.id && one.name.toLowerCase() === field.name.toLowerCase())
    if (!own) return asDrawn(field)
    if (was) return own.dropped ? dropped(was, field, clashes) : both(was, own, field, clashes)
    twins.add(own.key)
    return twin(own, field, clashes)
  })
  for (const own of mine.fields) {
    const was = own.id ? before(own.id) : undefined
    if (!own.id && !twins.has(own.key)) found.push(own)
    if (was && !own.dropped && !theirs.fields.some((one) => one.id === own.id) && !same(plain(own), was)) {
      const anew = { ...own, id: '' }
      clashes.push({ at: 'field', key: own.key, label: was.name, mine: anew, theirs: null })
      found.push(anew)
    }
  }
  return found
}

/** I drop what they go on with. */
function dropped(was: Field, field: Field, clashes: Clash[]): DraftField {
  const gone = { ...asDrawn(field), dropped: true }
  if (!same(field, was)) clashes.push({ at: 'field', key: gone.key, label: was.name, mine: gone, theirs: asDrawn(field) })
  return gone
}

/** Both have made a field of this name: it is theirs, which mine would change. */
function twin(own: DraftField, field: Field, clashes: Clash[]): DraftField {
  const now = asDrawn(field)
  if (Object.entries(plain(own)).every(([key, value]) => key === 'id' || same(value, field[key]))) return now
  const changed = { ...(own.type === field.type ? { ...field, ...plain(own) } : own), id: field.id, name: field.name, key: now.key, dropped: false } as DraftField
  clashes.push({ at: 'field', key: now.key, label: field.name, mine: changed, theirs: now })
  return changed
}

function both(was: Field, own: DraftField, field: Field, clashes: Clash[]): DraftField {
  const retyped = own.type !== was.type || field.type !== was.type
  const keys = [...new Set([was, plain(own), field].flatMap((one) => Object.keys(one)))].filter((key) => key !== 'id')
  const bound = keys.filter((key) => !COMMON.includes(key))
  const groups = retyped ? [bound, ...COMMON.map((key) => [key])] : keys.map((key) => [key])
  const found: Options = { id: field.id }
  for (const group of groups) {
    const [before, mine, theirs] = [of(was, group), of(own, group), of(field, group)]
    const merged = merge(before, mine, theirs)
    if (merged.clash) clashes.push({ at: 'options', key: own.key, label: `${was.name}: ${group.includes('type') ? 'type' : group[0]!}`, mine, theirs })
    Object.assign(found, merged.value)
  }
  // As they have it written, so that what is the same is seen to be the same.
  const names = [...Object.keys(field), ...Object.keys(found)]
  return { ...Object.fromEntries(names.filter((name) => name in found).map((name) => [name, found[name]])), key: own.key, dropped: false } as DraftField
}

/** Some options of a field, by name: two that say the same are then written the same. */
function of(field: Field | DraftField, names: string[]): Options {
  return Object.fromEntries([...names].sort().filter((name) => name in field).map((name) => [name, (field as Options)[name]]))
}

/** Whoever has moved fields has moved them: what the other has added follows what it followed. */
function inOrder(base: Shape, mine: Drawn, theirs: Shape, fields: DraftField[], clashes: Clash[]): DraftField[] {
  const keys = keysOf(fields)
  const keyOf = (field: Field): string => fields.find((one) => one.id === field.id)?.key ?? ''
  const place = (field: DraftField): string => (field.id ? keyOf(field) || field.key : keys.includes(field.key) ? field.key : (fields.find((one) => one.name.toLowerCase() === field.name.toLowerCase())?.key ?? ''))
  const mineKeys = mine.fields.map(place).filter((key) => keys.includes(key))
  const theirKeys = theirs.fields.map(keyOf).filter(Boolean)
  const common = base.fields.map(keyOf).filter((key) => mineKeys.includes(key) && theirKeys.includes(key))
  const found = merge(common, mineKeys.filter((key) => common.includes(key)), theirKeys.filter((key) => common.includes(key)))
  if (found.clash) clashes.push({ at: 'order', key: '', label: 'Order of the fields', mine: weave(mineKeys, theirKeys), theirs: weave(theirKeys, mineKeys) })
  const isMine = !same(found.value, theirKeys.filter((key) => common.includes(key)))
  return sorted(fields, isMine ? weave(mineKeys, theirKeys) : weave(theirKeys, mineKeys))
}

function indexes(base: string[], mine: string[], theirs: string[], clashes: Clash[]): string[] {
  const one = (list: string[], name: string): string | null => list.find((text) => indexName(text) === name) ?? null
  const names = weave(theirs.map(indexName), mine.map(indexName))
  return names.flatMap((name) => {
    const [was, own, now] = [one(base, name), one(mine, name), one(theirs, name)]
    const merged = merge(was, own, now)
    if (merged.clash) clashes.push({ at: 'index', key: name, label: `Index ${name}`, mine: own, theirs: now })
    return merged.value ?? []
  })
}

/** One side of a clash in words. */
export function sideWords(clash: Clash, side: Side, fields: DraftField[]): string {
  const value = clash[side]
  switch (clash.at) {
    case 'field':
      return fieldWords(clash, side)
    case 'options':
      return optionWords(clash[side], clash[side === 'mine' ? 'theirs' : 'mine'])
    case 'order':
      return clash[side].map((key) => fields.find((field) => field.key === key)?.name ?? '').filter(Boolean).join(', ')
    default:
      return valueWords(value)
  }
}

function fieldWords(clash: Extract<Clash, { at: 'field' }>, side: Side): string {
  const [value, other] = [clash[side], clash[side === 'mine' ? 'theirs' : 'mine']]
  if (!value || value.dropped) return 'dropped'
  if (!other || other.dropped) return `${value.name}, ${value.type}${value.id ? '' : ', made anew without its values'}`
  return `${value.name}, ${optionWords(plain(value), plain(other), ['type'])}`
}

/** The options in which one differs from the other; a single one without its name. */
function optionWords(options: Options, other: Options, always: string[] = []): string {
  const names = Object.keys(options).filter((name) => name !== 'id' && (always.includes(name) || !same(options[name], other[name])))
  if (Object.keys(options).length <= 1) return valueWords(Object.values(options)[0])
  names.sort((one, other) => Number(other === 'type') - Number(one === 'type'))
  return names.map((name) => (name === 'type' ? valueWords(options[name]) : `${name}: ${valueWords(options[name])}`)).join(', ') || 'as it was'
}

function valueWords(value: unknown): string {
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && !value.length)) return 'nothing'
  if (Array.isArray(value)) return value.map(valueWords).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
