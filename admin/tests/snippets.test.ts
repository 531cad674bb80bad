import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { callOf, LANGUAGES, snippet } from '../src/screens/data/snippets'

const collection = { name: 'posts', fields: [], events: true } as unknown as Collection
const listening = callOf('listen', collection, '')

test.each(LANGUAGES)('who listens in %s asks for all records of the collection, and reads what never ends', (language) => {
  const text = snippet(language, listening, 'http://here')
  expect(text).toContain(language === 'HTTP' ? 'GET /api/realtime?topics=posts/* HTTP/1.1\nHost: here' : 'http://here/api/realtime?topics=posts/*')
  expect(text).not.toContain('json()')
})

test('curl shows what comes at once', () => expect(snippet('curl', listening, 'http://here')).toMatch(/^curl -N /))

const making = { method: 'POST', path: '/api/collections/posts/records', query: '', body: { title: "It's" }, files: [['cover', 'cover.png']] as [string, string][] }

test.each(LANGUAGES)('a form in %s has the file, and the rest with its types', (language) => {
  const text = snippet(language, making, 'http://here')
  expect(text).toContain('cover.png')
  expect(text).toContain('@jsonPayload')
  expect(text).not.toContain('application/json')
})
