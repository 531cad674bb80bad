import { expect, test } from 'vitest'
import { growth } from '../src/screens/home/growth'
import { ago } from '../src/screens/jobs/workers'
import type { Scrape } from '../src/screens/observe/metrics'
import { apart, earlier, keptInWords, known, timeline, type History } from '../src/screens/observe/timeline'
import { changesOf, fileOf, type Entry } from '../src/screens/schema/past'

const FROM = Date.parse('2027-01-31T10:00:00Z')
const history = (...values: (number | null)[]): History => ({ from: '2027-01-31 10:00:00.000Z', to: '', step: 60, kept: [], series: [{ name: 'lines', unit: 'number', values }] })
const scrape = (seconds: number, value = seconds): Scrape => ({ at: FROM + seconds * 1000, samples: [{ name: 'realtime_connections', labels: {}, value }] })
const LINES = [{ name: 'lines', live: (_: Scrape, now: Scrape) => now.samples[0]!.value }, { name: 'files', live: null }]
const times = (list: number[]): number[] => list.map((one) => one - FROM / 1000)

test('the steps of the server end where nothing is known any more', () => {
  expect(known(history(1, null, 3, null, null))).toBe(3)
  expect(known(history(null))).toBe(0)
})
test('what the page has seen follows what the server has kept', () => {
  const found = timeline(LINES, history(1, 2, null), [100, 110, 130, 150].map((at) => scrape(at)), FROM, FROM + 150_000)
  expect(times(found.times)).toEqual([60, 120, 130, 150])
  expect(found.values.get('lines')).toEqual([1, 2, 130, 150])
  expect(found.values.get('files')).toEqual([null, null, null, null])
  expect(times([found.liveFrom!])).toEqual([130])
})
test('without a history there is what the page has seen', () => {
  const found = timeline(LINES, history(null, null), [scrape(0), scrape(30), scrape(60)], FROM, FROM + 60_000)
  expect([times(found.times), found.values.get('lines')]).toEqual([[30, 60], [30, 60]])
})
test('looks of a long time are told seldom, and the newest always', () => {
  expect(apart([0, 3, 6, 60, 61].map((at) => scrape(at)), 10_000).map((one) => one.samples[0]!.value)).toEqual([0, 60, 61])
})
test('the time before is that of the same moment', () => {
  const shown = [60, 120, 180].map((at) => FROM / 1000 + at + 3600)
  expect(earlier(shown, 3_600_000, 'lines', history(7, 8, null))).toEqual([7, 8, null])
  expect(earlier(shown, 3_600_000, 'files', history(7))).toEqual([null, null, null])
})
test('how long what is kept is said in words', () => {
  expect(keptInWords([{ step: 60, days: 2 }, { step: 600, days: 1 }, { step: 3600, days: 30 }])).toBe('steps of 1 min for 2 days, steps of 10 min for 1 day, steps of 1 h for 30 days')
})
test('a last sign of life is as long ago as it is', () => {
  const now = Date.parse('2027-01-31T10:00:00Z')
  expect(['2027-01-31 10:00:05.000Z', '2027-01-31 09:59:30.000Z', '2027-01-31 09:00:00.000Z', '2027-01-30 10:00:00.000Z', ''].map((text) => ago(text, now))).toEqual(['just now', '30 s ago', '60 min ago', '24 h ago', ''])
})
test('growth says when one of its numbers is an estimate', () => {
  const size = { rows: 1500, exact: true, before: 300, beforeExact: true }
  expect([growth(size), growth({ ...size, exact: false }), growth({ ...size, before: 2000 }), growth({ ...size, before: null }), growth(undefined)]).toEqual(['+1,200', '~+1,200', '−500', '', ''])
})

const entry = (before: Entry['before'], after: Entry['after'], action = 'collection.updated'): Entry => ({ id: '7', at: '2027-01-31 10:00:00.000Z', action, outcome: 'success', request: '', actor: { kind: 'cli', collection: '', id: '', name: '', key: '' }, target: { kind: 'collection', id: 'c1', name: 'posts' }, before, after })
const field = (id: string, name: string, more = {}): object => ({ id, name, type: 'text', ...more })

test('a change of a collection is told field by field', () => {
  const found = changesOf(entry({ name: 'post', listRule: null, fields: [field('a', 'title'), field('b', 'body', { max: 5 }), field('c', 'gone')] }, { name: 'posts', listRule: '', fields: [field('a', 'headline'), field('b', 'body', { max: 9 }), field('d', 'slug')] }))
  expect(found.map((one) => `${one.mark} ${one.text}`)).toEqual(['→ post → posts', '~ listRule: nothing becomes empty', '→ title → headline', '~ body: max: 5 becomes 9', '+ slug text', '− gone text'])
})
test('a collection that was made is a file that another server can take in', () => {
  const made = { id: 'c1', name: 'posts', fields: [field('a', 'title')] }
  expect(fileOf(entry(null, made, 'collection.created')).name).toBe('20270131100000_created_posts.json')
  expect(JSON.parse(fileOf(entry(null, made, 'collection.created')).text)).toEqual({ collections: [made], deleteMissing: 'fields' })
  expect(JSON.parse(fileOf(entry({ listRule: null }, { listRule: '' })).text)).toMatchObject({ before: { listRule: null }, after: { listRule: '' } })
})
