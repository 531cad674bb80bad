import { describe, expect, test } from 'vitest'
import type { Field } from '../src/api/types'
import { cut } from '../src/fields/cut'
import { direction } from '../src/fields/direction'
import { newField } from '../src/fields/kinds'
import { about, read, shown, written } from '../src/fields/value'

const field = (type: Field['type'], more: Partial<Field> = {}): Field => ({ ...newField(type, 'x'), ...more })
const NOW = new Date('2026-11-20T09:15:00Z')

describe('what is typed becomes a value', () => {
  test.each([
    ['a number', field('number'), '1 234.5', 1234.5],
    ['an empty number', field('number'), '', 0],
    ['an empty number that may be null', field('number', { nullable: true }), ' ', null],
    ['an exact number', field('decimal'), '12.50', '12.50'],
    ['yes', field('bool'), 'Yes', true],
    ['a list of choices', field('select', { values: ['a', 'b'], maxSelect: 2 }), 'a, b', ['a', 'b']],
    ['two days from now', field('date'), '+2d', '2026-11-22 09:15:00.000Z'],
    ['a moment with its offset', field('date'), '2026-11-20T10:00:00+02:00', '2026-11-20 08:00:00.000Z'],
    ['JSON', field('json'), '{"a":[1]}', { a: [1] }],
    ['text with spaces around it', field('text'), ' a ', ' a '],
    ['signs that are two units each', field('text', { max: 3 }), '\u{1f680}\u{1f680}\u{1f680}', '\u{1f680}\u{1f680}\u{1f680}'],
    ['nothing where nothing has to be', field('text', { min: 3 }), '', ''],
    ['a link without a scheme', field('url'), 'example.com', 'example.com'],
    ['an address', field('email'), 'ada@example.com', 'ada@example.com'],
  ])('%s', (_, of, text, value) => {
    expect(read(of, text, NOW)).toEqual({ value })
  })

  test.each([
    ['words for a number', field('number'), 'many'],
    ['a fraction for a whole number', field('number', { onlyInt: true }), '1.5'],
    ['a choice that is none', field('select', { values: ['a'] }), 'b'],
    ['half a list', field('json'), '[1,'],
    ['a day that is none', field('date'), 'someday'],
    ['less than the least', field('number', { min: 3 }), '2'],
    ['more than the most', field('number', { max: 3 }), '4'],
    ['too few signs', field('text', { min: 3 }), 'ab'],
    ['too many signs', field('text', { max: 3 }), 'abcd'],
    ['nothing where something has to be', field('text', { required: true }), ''],
    ['an address without a sign', field('email'), 'ada.example.com'],
  ])('but not %s', (_, of, text) => {
    expect(read(of, text, NOW)).toHaveProperty('problem')
  })
})

test('what is written can be read again', () => {
  for (const [of, value] of [[field('json'), { a: 1 }], [field('number'), 1.5], [field('bool'), false], [field('text'), 'a\tb']] as const) {
    expect(read(of, written(of, value))).toEqual({ value })
  }
})

test('a cell shows the beginning of what is long', () => {
  expect(shown(field('text'), 'x'.repeat(1_000_000))).toHaveLength(201)
  expect(shown(field('json'), { text: '<script>' })).toBe('{"text":"<script>"}')
  expect(shown(field('json'), [{ n: 1 }, 'a'])).toBe('[{"n":1},"a"]')
})

test.each([[12, '12'], [1204, '1,204'], [61_204, '61k'], [1_200_000, '1.2M']])('%d rows are %s', (rows, text) => {
  expect(about(rows)).toBe(text)
})

test.each([
  ['short', 'short'],
  ['x'.repeat(300), `${'x'.repeat(200)}…`],
  [`${'x'.repeat(199)}\u{1f680}x`, `${'x'.repeat(199)}…`],
])('a text is cut between signs', (text, expected) => {
  expect(cut(text)).toBe(expected)
})

test.each([
  ['short', 'auto'],
  ['x'.repeat(20_000), 'ltr'],
  [`1. "\u05e9${'x'.repeat(20_000)}`, 'rtl'],
  ['1'.repeat(20_000), 'ltr'],
])('which way a text is written is not left to the browser where it is long', (text, expected) => {
  expect(direction(text)).toBe(expected)
})

test('a new exact number has no bounds: an empty text would be none that the server takes', () => {
  expect(newField('decimal', 'price')).toMatchObject({ min: null, max: null })
})
