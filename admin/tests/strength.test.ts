import { expect, test } from 'vitest'
import { strengthOf } from '../src/fields/strength'

test('what is too short says how much is missing', () => {
  expect(strengthOf('abc')).toEqual({ score: 0, words: '5 more characters are needed' })
  expect(strengthOf('abcdefghi', 10).words).toBe('1 more character is needed')
})

test.each(['password', 'P@ssw0rd', 'aaaaaaaaaaaa', 'abcdefghijkl', '1234567890', 'qwertyuiop', 'Welcome2024'])('%s is easy to guess', (password) => expect(strengthOf(password).score).toBeLessThanOrEqual(1))

test('the name of its owner counts for little', () => {
  expect(strengthOf('ada.lovelace1', 8, ['ada.lovelace@example.com']).score).toBeLessThan(strengthOf('tilivoraseku1', 8, ['ada.lovelace@example.com']).score)
})

test('words in a row are strong, and so are many signs', () => {
  expect(strengthOf('harbour violin marble cloud').score).toBe(4)
  expect(strengthOf('v8#Kq!2zRw%Lm').score).toBe(4)
  expect(strengthOf('kelp-otter-9').score).toBeGreaterThanOrEqual(2)
})
