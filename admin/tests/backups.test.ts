import { expect, test } from 'vitest'
import { byWords, changeWords, contentWords, differences, outcomeWords, shareOf, untold, type Compared, type Job } from '../src/screens/backups/backups'

const compared = (name: string, more: Partial<Compared> = {}): Compared => ({
  id: name, name, nameNow: name, type: 'base', change: 'same', fields: { back: [], gone: [], changed: [] }, rowsThen: 1, rowsNow: 1, newer: 0, ...more,
})
const job = (more: Partial<Job>): Job => ({ id: 'j', kind: 'create', key: 'a.zip', state: 'done', phase: 'done', done: 0, total: null, message: '', result: null, by: '', started: '', ended: '', ...more })

test('what vanishes by a restore is on top, and what stays the same is left out', () => {
  const found = differences([compared('same'), compared('fewer', { rowsNow: 5 }), compared('back', { change: 'back' }), compared('gone', { change: 'gone' }), compared('edited', { newer: 2 })])
  expect(found.map((one) => one.name)).toEqual(['gone', 'back', 'edited', 'fewer'])
})

test.each([
  [compared('posts', { change: 'gone' }), 'vanishes: the backup has no such collection'],
  [compared('posts', { change: 'back' }), 'comes back'],
  [compared('posts', { change: 'changed' }), 'has its rules and options as before'],
  [compared('posts', { change: 'changed', nameNow: 'articles' }), 'is called posts again'],
  [compared('posts', { change: 'changed', fields: { back: ['body'], gone: ['title'], changed: ['n'] } }), 'loses title, gets body back, has n as before'],
  [compared('posts'), ''],
])('a collection is told of in words: %#', (one, words) => expect(changeWords(one)).toBe(words))

test('a backup without files says so', () => {
  const one = { contents: ['database' as const], collections: 1, rows: 1200, files: 0, fileBytes: 0 }
  expect(contentWords(one)).toBe('1,200 records of 1 collection, no files')
  expect(contentWords({ ...one, contents: ['database', 'files'], files: 2, fileBytes: 2048 })).toBe('1,200 records of 1 collection, 2 files (2 kB)')
})

test.each([
  [job({}), 'Made the backup a.zip', false],
  [job({ state: 'failed', message: 'The disk is full.' }), 'Backup a.zip: The disk is full.', true],
  [job({ kind: 'verify', result: { problems: [] } }), 'Checked a.zip: all of it can be restored', false],
  [job({ kind: 'verify', result: { problems: ['A sum is wrong.'] } }), 'a.zip is not sound: A sum is wrong.', true],
])('what came of a job is a sentence: %#', (one, text, failed) => expect(outcomeWords(one)).toEqual({ text, failed }))

test('nobody is told a share that nobody knows', () => {
  expect(shareOf({ done: 5, total: null })).toBeNull()
  expect(shareOf({ done: 5, total: 10 })).toBe(0.5)
})

test('what is the same only by its number is not called the same', () => {
  expect(untold([compared('dated'), compared('undated', { newer: null }), compared('empty', { newer: null, rowsThen: 0, rowsNow: 0 })]).map((one) => one.name)).toEqual(['undated'])
})

test('who has made a backup is you, or who it was', () => {
  expect(byWords('ann@example.com', 'ann@example.com')).toBe('by you')
  expect(byWords('bob@example.com', 'ann@example.com')).toBe('bob@example.com')
})
