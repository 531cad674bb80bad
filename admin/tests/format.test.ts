import { expect, test } from 'vitest'
import { difference, formatRule } from '../src/fields/format'

const LONG = `@request.auth.id!=""&&(status="published"||author=@request.auth.id||editors.id?=@request.auth.id)`

test('a short rule stays on one line, with one space between', () => {
  expect(formatRule(`  status  =   "a  b"\n && open = true `)).toBe('status = "a  b" && open = true')
})

test('a long rule has a line for each condition, and brackets further in', () => {
  expect(formatRule('status = "published" && author.team.name = "The blue one" && @request.auth.verified = true && (open = true || views > 1000 || @request.auth.roles ?= "editor" || title ~ "draft")')).toBe(
    [
      'status = "published"',
      '&& author.team.name = "The blue one"',
      '&& @request.auth.verified = true',
      '&& (',
      '  open = true',
      '  || views > 1000',
      '  || @request.auth.roles ?= "editor"',
      '  || title ~ "draft"',
      ')',
    ].join('\n'),
  )
})

test.each([LONG, `geoDistance(place.lon, place.lat, 1, 2) < 5`, `title ~ 'it\\'s (a) && b' || x = 1`, '((a = 1))'])('nothing but white space changes: %s', (rule) => {
  const bare = (text: string): string => text.replace(/\s+/g, '')
  expect(bare(formatRule(rule))).toBe(bare(rule))
  expect(formatRule(formatRule(rule))).toBe(formatRule(rule))
})

test.each(['a = 1 // why', 'a = (1', 'a = 1)', `a = 'not ended`])('what is not finished or has comments stays: %s', (rule) => expect(formatRule(rule)).toBe(rule))

test('a difference says what went and what came', () => {
  expect(difference('status = "a" && x = 1', 'status = "b" && x = 1')).toEqual([
    { text: 'status =', kind: 'same' },
    { text: '"a"', kind: 'gone' },
    { text: '"b"', kind: 'new' },
    { text: '&& x = 1', kind: 'same' },
  ])
  expect(difference('', 'x = 1')).toEqual([{ text: 'x = 1', kind: 'new' }])
})
