/** What stands in the filter box: the language of the API, or just words to look for. */
import type { ApiError, Query } from '../api/client'
import type { Collection } from '../api/types'

const OPERATORS = /[=~<>&|()]|\/\//
const WORDY = ['text', 'email', 'url', 'editor', 'select']
export const MACROS = ['@now', '@todayStart', '@todayEnd', '@yesterday', '@tomorrow', '@monthStart', '@monthEnd', '@yearStart', '@yearEnd']

/** The parameters of a list for what was typed. Words without an operator are searched for. */
export function parameters(collection: Collection, typed: string): Query {
  const text = typed.trim()
  if (!text) return {}
  if (OPERATORS.test(text)) return { filter: text }
  if (collection.searchable?.length) return { search: text }
  const fields = collection.fields.filter((field) => WORDY.includes(field.type) && field.name !== 'tokenKey').map((field) => field.name)
  return { filter: ['id', ...fields.filter((name) => name !== 'id')].map((name) => `${name} ~ {:words}`).join(' || '), 'p.words': text }
}

export type Mistake = { message: string; from: number; to: number }

/** Where a refused filter is wrong: the token at the character that the message names (counted from 1). */
export function mistake(typed: string, failure: ApiError): Mistake {
  const found = /at character (\d+)/.exec(failure.message)
  if (!found) return { message: failure.message, from: 0, to: 0 }
  const from = Math.min(Number(found[1]) - 1, typed.length)
  const token = /^(?:[\w@.:]+|"[^"]*"?|'[^']*'?|[=!<>~?&|]+|.)/.exec(typed.slice(from))
  return { message: failure.message, from, to: from + (token?.[0].length ?? 1) }
}

/** The word before the caret, where one is being typed that could be a name. */
export function wordAt(text: string, caret: number): { word: string; from: number } {
  const found = /[@\w.]+$/.exec(text.slice(0, caret))
  const inside = (text.slice(0, caret).match(/(?<!\\)["']/g) ?? []).length % 2 === 1
  return found && !inside ? { word: found[0], from: caret - found[0].length } : { word: '', from: caret }
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

const quote = (value: string): string => `'${value.replaceAll("'", "\\'")}'`

/** A comparison with a value of a cell, as text. */
export function comparison(name: string, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${name} = ${value}`
  return `${name} = ${quote(String(value ?? ''))}`
}

export const joined = (before: string, more: string): string => (before.trim() ? `(${before.trim()}) && ${more}` : more)
