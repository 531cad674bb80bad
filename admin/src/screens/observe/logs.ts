/** What an address asks of the log, as a filter of the API, and what comes of it as bars. */
import type { Answer } from '../../api/client'
import { localDate, utc } from '../../fields/value'

export type Line = Answer<'/api/logs', 'get'>['items'][number]
export type Stretch = { date: string; total: number; warnings: number; errors: number }
export type Asked = { words: string; level: string; status: string; method: string; filter: string; console: boolean; from: Date; to: Date | null }
export type Data = {
  type?: string; method?: string; url?: string; route?: string; status?: number; execTime?: number; dbTime?: number; auth?: string; authId?: string
  userIP?: string; userAgent?: string; bytes?: number; collection?: string; console?: boolean; [key: string]: unknown
}

export const RANGES = [['15m', '15 minutes', 900], ['1h', 'hour', 3600], ['6h', '6 hours', 21_600], ['1d', 'day', 86_400], ['7d', '7 days', 604_800]] as const
const STRETCHES = [['1s', 1], ['10s', 10], ['1m', 60], ['5m', 300], ['15m', 900], ['1h', 3600], ['6h', 21_600], ['1d', 86_400]] as const
const MOST_BARS = 120
export const LEVELS: [string, string][] = [['', 'Every level'], ['4', 'Warnings and errors'], ['8', 'Errors']]
export const STATUSES: [string, string][] = [['', 'Every status'], ['2', '2xx'], ['3', '3xx'], ['4', '4xx'], ['5', '5xx']]
export const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']

const quoted = (text: string): string => JSON.stringify(text)

/** The filter. Words are looked for in the message, and each has to be there or be the id of the request, or the address. */
export function filterOf(asked: Asked): string {
  const parts = [`created >= "${utc(asked.from)}"`]
  if (asked.to) parts.push(`created < "${utc(asked.to)}"`)
  if (asked.level) parts.push(`level >= ${Number(asked.level) || 0}`)
  if (asked.status) parts.push(`data.status >= ${Number(asked.status) * 100} && data.status < ${Number(asked.status) * 100 + 100}`)
  if (asked.method) parts.push(`data.method = ${quoted(asked.method)}`)
  if (!asked.console) parts.push('data.console != true')
  for (const word of asked.words.split(/\s+/).filter(Boolean)) parts.push(`(message ~ ${quoted(word)} || request = ${quoted(word)} || data.userIP = ${quoted(word)})`)
  if (asked.filter.trim()) parts.push(`(${asked.filter.trim()})`)
  return parts.join(' && ')
}

/** How long a bar is, so that there are not too many: its name in the API, and seconds. */
export function stretchOf(seconds: number): readonly [string, number] {
  return STRETCHES.find(([, length]) => seconds / length <= MOST_BARS) ?? STRETCHES[STRETCHES.length - 1]!
}

/** Bars for every stretch of the time, also those in which nothing was. Those of trouble lie over those of all. */
export function bars(found: Stretch[], from: number, to: number, length: number): { times: number[]; all: number[]; warnings: number[]; errors: number[] } {
  const by = new Map(found.map((one) => [Date.parse(one.date.replace(' ', 'T')) / 1000, one]))
  const times: number[] = []
  for (let at = Math.floor(from / length) * length; at < to; at += length) times.push(at)
  const each = (value: (one: Stretch) => number): number[] => times.map((at) => { const one = by.get(at); return one ? value(one) : 0 })
  return { times, all: each((one) => one.total), warnings: each((one) => one.warnings + one.errors), errors: each((one) => one.errors) }
}

export const levelWord = (level: number): string => (level > 7 ? 'error' : level > 0 ? 'warning' : level < 0 ? 'debug' : 'info')
export const edge = (level: number): string => (level > 7 ? 'border-danger' : level > 0 ? 'border-brassline' : 'border-line2')
export const milliseconds = (value: number): string => (value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`)
/** Hours to milliseconds, in the time zone that is shown. */
export function clock(text: string): string {
  return localDate(text).slice(11) + text.slice(19, 23)
}
