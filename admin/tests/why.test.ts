import { expect, test } from 'vitest'
import { about, readTopic, whoIs } from '../src/screens/observe/why'

test('a topic is read with its filter', () => {
  const options = encodeURIComponent('{"query":{"filter":"open = true","fields":"id"}}')
  expect(readTopic(`posts/*?options=${options}`)).toEqual({ text: `posts/*?options=${options}`, place: 'posts', record: '*', filter: 'open = true', hasMore: false })
  expect(readTopic('posts')!.record).toBe('*')
})

test.each(['@mine', 'PB_CONNECT', 'a/b/c', 'posts/*?options={'])('%s is about no records', (text) => expect(readTopic(text)).toBeNull())

test('what rules may ask of the topic is told of', () => {
  expect(readTopic(`posts/*?options=${encodeURIComponent('{"headers":{"x":"1"}}')}`)!.hasMore).toBe(true)
  expect(readTopic(`posts/*?options=${encodeURIComponent('{"query":{"team":"1"}}')}`)!.hasMore).toBe(true)
})

test('a record is heard of by its own topic and by that of all', () => {
  expect(about(['posts/*', 'posts/a', 'posts/b', 'p1/a', 'tags/*'], ['posts', 'p1'], 'a').map((one) => one.text)).toEqual(['posts/*', 'posts/a', 'p1/a'])
})

test('who listens is asked for as they are', () => {
  expect([whoIs('users/u1'), whoIs('key:k1'), whoIs('guest'), whoIs('_superusers/s')]).toEqual([{ collection: 'users', id: 'u1' }, { key: 'k1' }, null, 'superuser'])
})
