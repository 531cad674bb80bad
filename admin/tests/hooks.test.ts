import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ApiError } from '../src/api/client'
import { pause } from '../src/app/polling'
import { EMPTY, changes, conflicts, headersOf, merged, type Draft } from '../src/screens/hooks/draft'
import { curl, deliveryState, nextTry, span, stateOf, timeline, tryWords, verifier, warning, type Try } from '../src/screens/hooks/hooks'

const hook = { active: true, disabled: '', error: '', circuit: 'closed' as string }
test.each([
  [hook, 'active'], [{ ...hook, circuit: 'open' }, 'failing'], [{ ...hook, active: false, circuit: 'open' }, 'paused'],
  [{ ...hook, disabled: 'The receiver answered 410.' }, 'turned off by failures'], [{ ...hook, error: 'Its secret cannot be read', active: false }, 'cannot send'],
])('%j is %s', (given, word) => expect(stateOf(given).word).toBe(word))

test.each([
  ['ready', 0, 'pending'], ['ready', 3, 'retrying 3/10'], ['leased', 1, 'being sent'], ['delivered', 1, 'delivered'], ['dead', 10, 'given up'],
] as const)('a delivery that is %s after %i tries is %s', (state, attempts, word) => expect(deliveryState({ state, attempts, error: '' }, 10).word).toBe(word))

test.each([[5, '5 s'], [300, '5 min'], [7200, '2 h'], [86_400, '24 h'], [259_200, '3 days']])('%i seconds are %s', (seconds, text) => expect(span(seconds)).toBe(text))

test('what is due waits for its turn', () => {
  const now = new Date('2026-11-21T12:00:00Z').getTime()
  expect(nextTry({ nextAt: '2026-11-21 11:59:00.000Z' }, now)).toBe('as soon as it can be')
  expect(nextTry({ nextAt: '2026-11-21 12:05:00.000Z' }, now)).toMatch(/^2026-11-2\d \d\d:05:00$/)
  expect(nextTry({ nextAt: null }, now)).toBe('')
})

test('tries are told with the wait before them, and from the first one on', () => {
  expect(timeline([0, 5, 300])).toEqual([{ wait: 'at once', at: '' }, { wait: '5 s later', at: 'after 5 s' }, { wait: '5 min later', at: 'after 5 min' }])
})

test.each([
  ['https://example.com/x', ''], ['http://example.com/x', 'encrypted'], ['https://192.168.1.4/x', 'private'], ['https://localhost/x', 'private'], ['nothing', ''],
])('%s: %s', (url, word) => expect(warning(url)).toContain(word))

describe('somebody else was quicker', () => {
  const base: Draft = { ...EMPTY, url: 'https://a.example', headers: { a: '1', b: '2' } }
  const mine: Draft = { ...base, url: 'https://mine.example', filter: 'views > 1' }
  const theirs: Draft = { ...base, url: 'https://theirs.example', description: 'new', headers: { b: '2', a: '1' } }

  test('what both have changed is a conflict, the order of headers is none', () => expect(conflicts(base, mine, theirs)).toEqual(['url']))
  test('mine over theirs keeps the rest of theirs', () => expect(merged(base, mine, theirs, true)).toEqual({ ...theirs, url: mine.url, filter: mine.filter }))
  test('theirs keeps what only I have changed', () => expect(merged(base, mine, theirs, false)).toEqual({ ...theirs, filter: mine.filter }))
  test('nothing is sent that was not changed', () => expect(changes(base, mine)).toEqual({ url: mine.url, filter: mine.filter }))
})

test.each([
  [[{ name: 'X-Shop', value: '7' }, { name: '', value: '' }], { headers: { 'X-Shop': '7' } }],
  [[{ name: '', value: '7' }], { problem: 'Which header should be 7?' }],
  [[{ name: 'a', value: '' }, { name: 'A ', value: '' }], { problem: 'a stands here twice.' }],
])('the headers %j', (pairs, found) => expect(headersOf(pairs)).toEqual(found))

const made: Try = { at: '', ms: 5, error: '', request: { url: "https://example.com/it's", headers: { 'webhook-id': 'evt_1' } }, response: { status: 200, headers: {}, body: '' } }
test('a request can be made again by hand', () => {
  expect(curl(made, '{"a":1}')).toBe(`curl -X POST 'https://example.com/it'\\''s' \\\n  -H 'webhook-id: evt_1' \\\n  -d '{"a":1}'`)
})
test.each([[200, ''], [302, 'redirect'], [401, 'signature'], [410, 'turned off'], [429, 'rate limit'], [503, '503']])('an answer of %i is told in words', (status, words) => {
  expect(tryWords({ ...made, response: { ...made.response, status } })).toContain(words)
})
test('what went wrong before there was an answer is told as it is', () => expect(tryWords({ ...made, response: null, error: 'No address for this host.' })).toBe('No address for this host.'))

test('the code in JavaScript believes what the server signs, and nothing else', async () => {
  const code = verifier('JavaScript', { url: 'https://example.com/in', events: ['posts.*'] })
  const body = code.slice(code.indexOf('function isGenuine'), code.indexOf('createServer('))
  const key = Buffer.from('k'.repeat(32))
  const { timingSafeEqual } = await import('node:crypto')
  const isGenuine = new Function('KEY', 'createHmac', 'timingSafeEqual', 'Buffer', `${body}; return isGenuine`)(key, createHmac, timingSafeEqual, Buffer) as (headers: object, body: string) => boolean
  const stamp = String(Math.floor(Date.now() / 1000))
  const signature = createHmac('sha256', key).update(`evt_1.${stamp}.{"a":"ü"}`).digest('base64')
  const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': stamp, 'webhook-signature': `v1,AAAA v1,${signature}` }
  expect(isGenuine(headers, '{"a":"ü"}')).toBe(true)
  expect(isGenuine(headers, '{"a":"u"}')).toBe(false)
  expect(isGenuine({ ...headers, 'webhook-timestamp': '1' }, '{"a":"ü"}')).toBe(false)
})

test.each([[0, 0, 2000], [2, 0, 8000], [20, 0, 60_000], [1, 90, 90_000]])('after %i failures and a Retry-After of %i s the next look is in %i ms', (failed, retryAfter, ms) => expect(pause(2000, failed, retryAfter)).toBe(ms))

test('a refusal names the value that is wrong, however deep it is', () => {
  const failure = new ApiError(400, 'validation_failed', '', { policies: { 1: { days: { code: 'validation_invalid_value', message: 'Expected `int` >= 1.' } } } })
  expect(failure.problem('policies.1.days')).toBe('Expected `int` >= 1.')
  expect(failure.problem('policies')).toBe('')
})
