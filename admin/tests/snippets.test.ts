import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { callOf, LANGUAGES, snippet } from '../src/screens/data/snippets'

const collection = { name: 'posts', fields: [], events: true } as unknown as Collection
const listening = callOf('listen', collection, '')

test.each(LANGUAGES)('who listens in %s asks for all records of the collection, and reads what never ends', (language) => {
  const text = snippet(language, listening, 'http://here')
  expect(text).toContain('/api/realtime?topics=posts/*')
  expect(text).toContain(language === 'HTTP' ? 'Host: here' : 'http://here/api')
  expect(text).not.toContain('json()')
})

test('curl shows what comes at once', () => expect(snippet('curl', listening, 'http://here')).toMatch(/^curl -N /))
