import { expect, test } from 'vitest'
import { key, search, type Entry, type Kind } from '../src/app/fuzzy'

const entry = (name: string, kind: Kind, note = kind): Entry => ({ name, note, kind, run: () => {} })
const ALL = [entry('posts', 'place'), entry('posts schema', 'place'), entry('New webhook', 'action'), entry('Mail', 'setting'), entry('Next theme', 'action')]
const names = (typed: string, lately: Entry[] = []): string[] => search(ALL, typed, lately.map(key)).map((one) => one.name)

test.each([
  ['', ['posts', 'posts schema', 'New webhook', 'Mail', 'Next theme']],
  ['post', ['posts', 'posts schema']],
  ['psch', ['posts schema']],
  ['>', ['New webhook', 'Next theme']],
  ['> theme', ['Next theme']],
  ['#', ['Mail']],
  ['#theme', []],
  ['@ann', []],
])('%j finds %j', (typed, found) => expect(names(typed)).toEqual(found))

test('what was chosen lately comes first, the newest first of all', () => {
  expect(names('', [ALL[3]!, ALL[1]!])).toEqual(['Mail', 'posts schema', 'posts', 'New webhook', 'Next theme'])
})
