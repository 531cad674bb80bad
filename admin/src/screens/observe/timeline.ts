/** What the server has kept of its metrics, and behind it what this page has seen since: one row of times. */
import type { Answer } from '../../api/client'
import type { Scrape, Step } from './metrics'

export type History = Answer<'/api/metrics/series', 'get'>
export type Mark = Answer<'/api/metrics/marks', 'get'>['items'][number]
export type Value = (before: Scrape, now: Scrape) => number | null
/** One line of a chart: what it is called on the server, and how it follows from two looks of this page, where it does. */
export type Line = { name: string; live: Value | null }
export type Timeline = { times: number[]; values: Map<string, (number | null)[]>; liveFrom: number | null }

export const instant = (text: string): number => Date.parse(text.replace(' ', 'T'))

/** The index after the last step of which anything is known. */
export function known({ series }: Pick<History, 'series'>): number {
  let last = 0
  for (const one of series) {
    let at = one.values.length
    while (at > last && one.values[at - 1] === null) at--
    last = Math.max(last, at)
  }
  return last
}

/** Looks that are at least so far apart, the newest among them. */
export function apart(scrapes: Scrape[], ms: number): Scrape[] {
  const found: Scrape[] = []
  for (const one of scrapes) {
    if (!found.length || one.at - found.at(-1)!.at >= ms) found.push(one)
    else if (one === scrapes.at(-1)) found.push(one)
  }
  return found
}

/** The steps of the server as far as they go, then those of this page. Times are in seconds, at the end of each step. */
export function timeline(lines: Line[], history: History | null, scrapes: Scrape[], from: number, until: number): Timeline {
  const step = (history?.step ?? 60) * 1000
  const begin = history ? instant(history.from) : 0
  const count = history ? known(history) : 0
  const edge = count ? begin + count * step : 0
  const looks = apart(scrapes.filter((one) => one.at >= Math.max(edge, from) - step && one.at <= until), Math.max(step / 6, 3000))
  const steps = looks.slice(1).map((one, at): Step => [looks[at]!, one]).filter(([, one]) => one.at > Math.max(edge, from))
  const times = [...Array.from({ length: count }, (_, at) => (begin + (at + 1) * step) / 1000), ...steps.map(([, one]) => one.at / 1000)]
  const values = new Map<string, (number | null)[]>()
  for (const { name, live } of lines) {
    const kept = history?.series.find((one) => one.name === name)?.values.slice(0, count) ?? Array<null>(count).fill(null)
    values.set(name, [...kept, ...steps.map(([a, b]) => live?.(a, b) ?? null)])
  }
  return { times, values, liveFrom: steps.length ? steps[0]![1].at / 1000 : null }
}

/** What a series was so long before each of these times. */
export function earlier(times: number[], ms: number, name: string, history: History | null): (number | null)[] {
  const found = history?.series.find((one) => one.name === name)?.values ?? []
  const begin = history ? instant(history.from) : 0
  const step = (history?.step ?? 60) * 1000
  return times.map((time) => found[Math.ceil((time * 1000 - ms - begin) / step) - 1] ?? null)
}

const span = (seconds: number): string => (seconds < 3600 ? `${seconds / 60} min` : seconds < 86_400 ? `${seconds / 3600} h` : `${seconds / 86_400} d`)
/** How long the server keeps what, in words. */
export const keptInWords = (kept: History['kept']): string => kept.map(({ step, days }) => `steps of ${span(step)} for ${days} ${days === 1 ? 'day' : 'days'}`).join(', ')
