/** A webhook as somebody writes it: what is sent of it, and what two people have changed at once. */
import { same } from '../../fields/value'
import type { Webhook } from './hooks'

export const KEYS = ['url', 'description', 'events', 'filter', 'fields', 'role', 'headers', 'active', 'ordered', 'timeout', 'rateLimit'] as const
export type Key = (typeof KEYS)[number]
export type Draft = Pick<Webhook, Key>
export const NAMES: Record<Key, string> = {
  url: 'Address', description: 'Description', events: 'Events', filter: 'Filter', fields: 'Fields', role: 'Role', headers: 'Headers', active: 'Active', ordered: 'In order', timeout: 'Time to answer', rateLimit: 'Rate limit',
}

export const EMPTY: Draft = { url: '', description: '', events: [], filter: '', fields: [], role: '', headers: {}, active: true, ordered: false, timeout: 15, rateLimit: null }

export const draftOf = (hook: Webhook): Draft => Object.fromEntries(KEYS.map((key) => [key, hook[key]])) as unknown as Draft

const isSame = (a: unknown, b: unknown): boolean => same(sorted(a), sorted(b))
/** Objects with their keys in order: the server may write them in another. */
const sorted = (value: unknown): unknown => (value && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value)

/** What differs from how it was: only that is sent, so that nobody writes over what they have not touched. */
export function changes(base: Draft, mine: Draft): Partial<Draft> {
  return Object.fromEntries(KEYS.filter((key) => !isSame(base[key], mine[key])).map((key) => [key, mine[key]]))
}

/** What both have changed, and not to the same. */
export function conflicts(base: Draft, mine: Draft, theirs: Draft): Key[] {
  return KEYS.filter((key) => !isSame(base[key], mine[key]) && !isSame(base[key], theirs[key]) && !isSame(mine[key], theirs[key]))
}

/** Theirs, with what only I have changed, or with all that I have changed. */
export function merged(base: Draft, mine: Draft, theirs: Draft, keepMine: boolean): Draft {
  const both = conflicts(base, mine, theirs)
  const own = KEYS.filter((key) => !isSame(base[key], mine[key]) && (keepMine || !both.includes(key)))
  return { ...theirs, ...Object.fromEntries(own.map((key) => [key, mine[key]])) } as Draft
}

export type Pair = { name: string; value: string }
export const pairsOf = (headers: Record<string, string>): Pair[] => Object.entries(headers).map(([name, value]) => ({ name, value }))

/** Headers as an object; what is wrong with them as a sentence. */
export function headersOf(pairs: Pair[]): { headers: Record<string, string> } | { problem: string } {
  const used = pairs.filter((one) => one.name.trim() || one.value)
  const nameless = used.find((one) => !one.name.trim())
  if (nameless) return { problem: `Which header should be ${nameless.value}?` }
  const names = used.map((one) => one.name.trim().toLowerCase())
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice) return { problem: `${twice} stands here twice.` }
  return { headers: Object.fromEntries(used.map((one) => [one.name.trim(), one.value])) }
}
