/** What stands in the filter box: the language of the API, or just words to look for. */
import type { ApiError, Query } from '../api/client'
import type { Collection } from '../api/types'

const OPERATORS = /[=~<>&|()]|\/\//
const WORDY = ['text', 'email', 'url', 'editor', 'select']

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

export const quote = (value: string): string => `'${value.replaceAll("'", "\\'")}'`

/** A comparison with a value of a cell, as text. */
export function comparison(name: string, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${name} = ${value}`
  return `${name} = ${quote(String(value ?? ''))}`
}

export const joined = (before: string, more: string): string => (before.trim() ? `(${before.trim()}) && ${more}` : more)
