/** What can come next in a filter that is being written: a field, an operator, or a value of the field. */
import type { Collection, Field } from '../api/types'
import { quote } from './filter'
import { operators } from './operators'

export type Offer = { insert: string; label: string; note: string }
export type Stage = { at: 'field' | 'operator' | 'value'; path: string; word: string; from: number } | null
type ById = (id: string) => Collection | undefined

export const MACROS = ['@now', '@todayStart', '@todayEnd', '@yesterday', '@tomorrow', '@monthStart', '@monthEnd', '@yearStart', '@yearEnd']

const VALUE = /([@\w.:]+)\s*(\??(?:!=|>=|<=|!~|=|>|<|~))\s*(["']?)([^"'&|()]*)$/u
const OPERATOR = /(?:^|[\s(])([@\w.:]*[\w])\s+([?!=<>~]*)$/u
const FIELD = /(?:^|[\s(&|])([@\w][\w.:]*)?$/u

/** Where the caret is in what is being written; null where nothing can be offered. */
export function stageAt(text: string, caret: number): Stage {
  const before = text.slice(0, caret)
  const value = VALUE.exec(before)
  if (value) return { at: 'value', path: value[1]!, word: value[4]!, from: caret - value[4]!.length - value[3]!.length }
  if ((before.match(/(?<!\\)["']/g) ?? []).length % 2) return null
  const operator = OPERATOR.exec(before)
  if (operator && /\s[?!=<>~]*$/.test(before)) return { at: 'operator', path: operator[1]!, word: operator[2]!, from: caret - operator[2]!.length }
  const field = FIELD.exec(before)
  return field ? { at: 'field', path: '', word: field[1] ?? '', from: caret - (field[1] ?? '').length } : null
}

/** The field that a path leads to, through relations, and the collection in which it is. */
export function fieldAt(collection: Collection, byId: ById, path: string): { field: Field; collection: Collection } | undefined {
  let at: Collection | undefined = collection
  const names = path.replace(/:\w+$/, '').split('.')
  for (const [index, name] of names.entries()) {
    const field: Field | undefined = at?.fields.find((one) => one.name === name)
    if (!at || !field) return undefined
    if (index === names.length - 1) return { field, collection: at }
    at = byId(String(field.collectionId))
  }
  return undefined
}

/** What can be offered without asking the server. */
export function offers(collection: Collection, byId: ById, stage: Stage): Offer[] {
  if (!stage) return []
  if (stage.at === 'field') {
    const names = stage.word ? completions(collection, byId, stage.word) : collection.fields.filter((field) => field.type !== 'password' && field.name !== 'tokenKey').map((field) => field.name).slice(0, 10)
    return names.filter((name) => stage.word || !name.startsWith('@')).map((name) => ({ insert: `${name} `, label: name, note: fieldAt(collection, byId, name)?.field.type ?? '' }))
  }
  const field = fieldAt(collection, byId, stage.path)?.field
  if (stage.at === 'operator') {
    if (!field) return []
    return operators(field).filter((one) => one.sign.startsWith(stage.word)).map((one) => ({ insert: `${one.sign} `, label: one.sign, note: one.label }))
  }
  const low = stage.word.toLowerCase()
  return fixed(field).filter((one) => one.label.toLowerCase().includes(low) && one.label !== stage.word)
}

function fixed(field: Field | undefined): Offer[] {
  if (field?.type === 'select') return ((field.values as string[] | undefined) ?? []).map((one) => ({ insert: `${quote(one)} `, label: one, note: '' }))
  if (field?.type === 'bool') return ['true', 'false'].map((one) => ({ insert: `${one} `, label: one, note: '' }))
  if (field?.type === 'date' || field?.type === 'autodate') return MACROS.map((one) => ({ insert: `${one} `, label: one, note: 'a moment' }))
  return []
}

/** Whether values of a field are worth being asked for. */
export const isAsked = (field: Field | undefined): boolean => field !== undefined && ['text', 'email', 'url', 'relation'].includes(field.type) && field.name !== 'id'

/** The word before the caret, where one is being typed that could be a name. */
export function wordAt(text: string, caret: number): { word: string; from: number } {
  const found = /[@\w.]+$/.exec(text.slice(0, caret))
  const inside = (text.slice(0, caret).match(/(?<!\\)["']/g) ?? []).length % 2 === 1
  return found && !inside ? { word: found[0], from: caret - found[0].length } : { word: '', from: caret }
}

/** The path that the caret stands in, whole; empty between quotes and where there is none. */
export function pathAt(text: string, caret: number): string {
  if ((text.slice(0, caret).match(/(?<!\\)["']/g) ?? []).length % 2) return ''
  return (wordAt(text, caret).word + /^[@\w.:]*/.exec(text.slice(caret))![0]).replace(/\.$/, '')
}

/** A rule with what the server takes it to mean in place of a name that there is not; null where it has no idea. */
export function fixOf(text: string, error: string): { meant: string; text: string } | null {
  const found = /"([^"]+)" \(at character (\d+)\): did you mean "([^"]+)"\?/.exec(error)
  if (!found) return null
  const [, wrong, at, meant] = found as unknown as [string, string, string, string]
  const from = text.indexOf(wrong, Number(at) - 1)
  return from < 0 ? null : { meant, text: text.slice(0, from) + meant + text.slice(from + wrong.length) }
}

/** Names that go on as the word began; fields behind a relation are reached by a dot. */
export function completions(collection: Collection, byId: (id: string) => Collection | undefined, word: string, more: string[] = []): string[] {
  if (!word) return []
  const path = word.split('.')
  let at: Collection | undefined = collection
  for (const part of path.slice(0, -1)) {
    const field: Collection['fields'][number] | undefined = at?.fields.find((one) => one.name === part && one.type === 'relation')
    at = field ? byId(String(field.collectionId)) : undefined
  }
  const before = path.slice(0, -1).map((part) => `${part}.`).join('')
  const names = (at?.fields ?? []).filter((field) => field.type !== 'password').map((field) => before + field.name)
  const low = word.toLowerCase()
  return [...names, ...MACROS, ...more].filter((name) => name.toLowerCase().startsWith(low) && name !== word).slice(0, 8)
}
