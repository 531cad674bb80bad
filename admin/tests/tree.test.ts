import { describe, expect, test } from 'vitest'
import { newField } from '../src/fields/kinds'
import { operators, valueText } from '../src/fields/operators'
import { comparing, grouping, parts, readTree, typedText, withPart, withoutPart, writeTree } from '../src/fields/tree'

describe('a filter that is read and written again says the same', () => {
  const SAME = [
    "status = 'done' && views > 100",
    "a = 1 || b = 2 && c = 3",
    "(a = 1 || b = 2) && c = 3",
    "author.team.name ~ 'Blue' && tags ?= 'x'",
    "geoDistance(place.lon, place.lat, 8.5, 47.4) < 20",
    "title = 'it\\'s' && due < @now && meta.tags.0 = {:tag}",
    "name:lower = \"x\"",
    "n = -1.5 && m >= 2e3",
  ]
  for (const text of SAME) test(text, () => expect(writeTree(readTree(text)!)).toBe(text))
})

describe('what is still being written is no tree', () => {
  for (const text of ['', 'views', 'views >', 'views > 1 &&', '(a = 1', "title = 'x", 'a & b']) test(text || 'nothing', () => expect(readTree(text)).toBeNull())
})

test('&& binds closer, and brackets that say nothing are left out', () => {
  expect(readTree('a = 1 || b = 2 && c = 3')).toMatchObject({ kind: 'any', parts: [{ left: 'a' }, { kind: 'all' }] })
  expect(writeTree(readTree('((a = 1) && (b = 2))')!)).toBe('a = 1 && b = 2')
})

test('each token knows where it stands, with its brackets', () => {
  const text = "views > 10 && (a = 1 || b = 2)"
  expect(parts(readTree(text)).map((one) => text.slice(one.from, one.to))).toEqual(['views > 10', '(a = 1 || b = 2)'])
})

test('comments and lines are no part of it', () => expect(writeTree(readTree("a = 1 // one\n && b = 2")!)).toBe('a = 1 && b = 2'))

test('a token is added and taken away', () => {
  const one = readTree('a = 1 || b = 2')!
  const two = withPart(one, comparing('c', '=', '3'))
  expect(writeTree(two)).toBe('(a = 1 || b = 2) && c = 3')
  expect(writeTree(withoutPart(two, parts(two)[0]!)!)).toBe('c = 3')
  expect(withoutPart(one, one)).toBeNull()
  expect(writeTree(grouping('any', [one, two]))).toBe('a = 1 || b = 2 || (a = 1 || b = 2) && c = 3')
})

test('a value is written for its field', () => {
  const number = newField('number', 'n')
  expect(['5', '@now', "it's", ''].map((typed) => valueText(number, typed))).toEqual(['5', '@now', "'it\\'s'", "''"])
  expect(valueText(newField('text', 't'), '5')).toBe("'5'")
  expect([typedText("'it\\'s'"), typedText('5'), typedText('"a"')]).toEqual(["it's", '5', 'a'])
})

test('each type has the operators that say something of it', () => {
  expect(operators(newField('bool', 'b')).map((one) => one.sign)).toEqual(['=', '!='])
  expect(operators({ ...newField('select', 's'), maxSelect: 3 })[0]!.sign).toBe('?=')
})
