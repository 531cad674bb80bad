/** Values as text, and text as values: what cells show, what people type, what is copied and pasted. */
import { look } from '../app/theme.svelte'
import type { Field } from '../api/types'
import { cut } from './cut'
import { isMany } from './kinds'

export type Read = { value: unknown } | { problem: string }

/** What a cell shows, short. Null and empty are told apart by who draws it. */
export function shown(field: Field, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (field.type === 'number') return typeof value === 'number' ? grouped(value) : String(value)
  if (field.type === 'date' || field.type === 'autodate') return localDate(String(value))
  if (field.type === 'geoPoint') return isEmpty(field, value) ? '' : `${(value as Point).lon}, ${(value as Point).lat}`
  if (Array.isArray(value) && field.type !== 'json') return field.type === 'vector' ? `${value.length} numbers` : value.join(', ')
  return cut(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

type Point = { lon: number; lat: number }

/** Whether a value is the empty one of its type. */
export function isEmpty(field: Field, value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return field.type === 'geoPoint' && (value as Point).lon === 0 && (value as Point).lat === 0
}

export function empty(field: Field): unknown {
  if (field.nullable) return null
  if (isMany(field)) return []
  if (field.type === 'number') return 0
  if (field.type === 'decimal') return '0'
  if (field.type === 'bool') return false
  if (field.type === 'geoPoint') return { lon: 0, lat: 0 }
  return field.type === 'json' || field.type === 'vector' ? null : ''
}

/** A value as a text that `read` understands: for editors and the clipboard. */
export function written(field: Field, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (field.type === 'json' || field.type === 'geoPoint' || field.type === 'vector') return JSON.stringify(value)
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** What somebody typed or pasted. The server has the last word; this finds what it is sure to refuse. */
export function read(field: Field, text: string, now: Date = new Date()): Read {
  const found = understood(field, text, now)
  const problem = 'value' in found ? refused(field, found.value) : ''
  return problem ? { problem } : found
}

function refused(field: Field, value: unknown): string {
  if (value === '' || value === null) return field.required && field.name !== 'id' ? 'It must not be empty.' : ''
  const [min, max] = [Number(field.min ?? NaN), Number(field.max ?? NaN)]
  if (typeof value === 'number') return value < min ? `It is less than ${grouped(min)}.` : value > max ? `It is more than ${grouped(max)}.` : ''
  if (typeof value !== 'string') return ''
  if (field.type === 'email') return /^[^\s@]+@[^\s@]+$/.test(value) ? '' : `${value} is no address.`
  if (field.type !== 'text') return ''
  const signs = [...value].length
  return signs < min ? `At least ${grouped(min)} characters: these are ${grouped(signs)}.` : max > 0 && signs > max ? `At most ${grouped(max)} characters: these are ${grouped(signs)}.` : ''
}

function understood(field: Field, text: string, now: Date): Read {
  const trimmed = text.trim()
  if (trimmed === '') return { value: field.type === 'text' && !field.nullable ? text : empty(field) }
  switch (field.type) {
    case 'number':
      return readNumber(field, trimmed)
    case 'decimal':
      return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(trimmed) ? { value: trimmed } : { problem: `${trimmed} is no number.` }
    case 'bool':
      return readBool(trimmed)
    case 'date':
      return readDate(trimmed, now)
    case 'select':
      return readChoice(field, trimmed)
    case 'relation':
      return { value: isMany(field) ? list(trimmed) : trimmed }
    case 'json':
    case 'vector':
    case 'geoPoint':
      return readJson(trimmed)
    default:
      return { value: text }
  }
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim()).filter(Boolean)

function readNumber(field: Field, text: string): Read {
  const value = Number(text.replace(/[\u00a0 _]/g, ''))
  if (!Number.isFinite(value)) return { problem: `${text} is no number.` }
  return field.onlyInt && !Number.isSafeInteger(value) ? { problem: `${text} is no whole number.` } : { value }
}

function readBool(text: string): Read {
  if (/^(true|t|yes|y|1|on)$/i.test(text)) return { value: true }
  return /^(false|f|no|n|0|off)$/i.test(text) ? { value: false } : { problem: `${text} is neither true nor false.` }
}

function readChoice(field: Field, text: string): Read {
  const values = field.values as string[]
  const chosen = isMany(field) ? list(text) : [text]
  const unknown = chosen.find((one) => !values.includes(one))
  if (unknown !== undefined) return { problem: `${unknown} is none of ${values.join(', ')}.` }
  return { value: isMany(field) ? chosen : text }
}

function readJson(text: string): Read {
  try {
    return { value: JSON.parse(text) }
  } catch (failure) {
    return { problem: `Not JSON: ${(failure as Error).message}` }
  }
}

const STEP: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `now`, `today`, `+2d`, `-3h`, a day, or a day and a time in the time zone of whoever types. */
function readDate(text: string, now: Date): Read {
  const step = /^([+-]\d+)\s*([mhdw])$/.exec(text)
  if (step) return { value: utc(new Date(now.getTime() + Number(step[1]) * STEP[step[2]!]!)) }
  if (/^now$/i.test(text)) return { value: utc(now) }
  if (/^today$/i.test(text)) return { value: utc(moment(`${localDate(utc(now)).slice(0, 10)}T00:00`)) }
  const parts = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?$/.exec(text)
  const found = parts ? moment(text.includes(':') ? text.replace(' ', 'T') : `${text}T00:00`) : new Date(text)
  return Number.isNaN(found.getTime()) ? { problem: `${text} is no date: write 2026-11-20 09:15.` } : { value: utc(found) }
}

export const utc = (date: Date): string => date.toISOString().replace('T', ' ')

const pad = (value: number): string => String(value).padStart(2, '0')

/** A moment in the time zone of whoever looks, or in UTC for who prefers that, in figures that line up: `2026-11-20 10:15:00`. */
export const localDate = (text: string): string => inZone(text, look.utc)

function inZone(text: string, inUtc: boolean): string {
  if (!text) return ''
  const at = new Date(text.replace(' ', 'T'))
  if (Number.isNaN(at.getTime())) return text
  if (inUtc) return utc(at).slice(0, 19)
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
}

/** The same in the zone that is not shown, for whoever points at it; and both, where there is room. */
export const otherTime = (text: string): string => (text && look.utc ? `${inZone(text, false)} (here)` : text && `${text} (UTC)`)
export const bothTimes = (text: string): string => (look.utc ? `${localDate(text)} (UTC), ${otherTime(text)}` : `${localDate(text)}, ${otherTime(text)}`)

/** What was typed as a moment of the zone that is shown. */
const moment = (text: string): Date => new Date(look.utc ? `${text}Z` : text)

/** For `<input type=datetime-local>`, and back. */
export const toLocalInput = (text: string): string => localDate(text).replace(' ', 'T')
export const fromLocalInput = (text: string): string => (text ? utc(moment(text)) : '')

const FIGURES = new Intl.NumberFormat('en', { maximumFractionDigits: 12 })
export const grouped = (value: number): string => FIGURES.format(value)

/** 1,204 as it is, 61,204 as 61k: for the side of a list. */
export function about(value: number): string {
  if (value < 10_000) return grouped(value)
  return value < 1_000_000 ? `${Math.round(value / 1000)}k` : `${(value / 1_000_000).toFixed(1)}M`
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  if (value < 1024 ** 2) return `${(value / 1024).toFixed(0)} kB`
  return value < 1024 ** 3 ? `${(value / 1024 ** 2).toFixed(1)} MB` : `${(value / 1024 ** 3).toFixed(1)} GB`
}

/** Fields that a grid's cell can edit in place; all others open the record. */
export const isPlain = (field: Field): boolean =>
  ['text', 'number', 'decimal', 'bool', 'email', 'url', 'date'].includes(field.type) || (field.type === 'select' && !isMany(field))

export const isReadOnly = (field: Field): boolean => field.name === 'id' || field.type === 'autodate' || field.type === 'password'

// Values of records are never changed in place, so a document of some megabytes is written once, and not at every key.
const texts = new WeakMap<object, string>()

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const known = texts.get(value) ?? JSON.stringify(value)
  texts.set(value, known)
  return known
}

/** The same for values of records. */
export function sameValue(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && textOf(a) === textOf(b))
}

export function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
