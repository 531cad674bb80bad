import { describe, expect, test } from 'vitest'
import { PART, linesOf, step } from '../src/ui/jsonTree'

const open = (...paths: string[]): Map<string, number> => new Map(paths.map((path) => [path, PART]))

describe('JSON as a tree', () => {
  test('what is folded has one line', () => {
    const lines = linesOf({ a: { b: [1, 2] }, c: 'x' }, 'meta', open('meta'))
    expect(lines.map((line) => [line.path, line.depth, line.text, line.size])).toEqual([['meta', 0, '', 2], ['meta.a', 1, '', 1], ['meta.c', 1, '"x"', 1]])
  })

  test('of a long list a part is shown, and what is left is counted', () => {
    const lines = linesOf(Array.from({ length: 80_000 }, (_, at) => at), 'n', open('n'))
    expect(lines).toHaveLength(PART + 2)
    expect(lines.at(-1)!.more).toBe(80_000 - PART)
  })

  test('a path is one that a filter understands, where there is one', () => {
    expect(step(step('meta', 'tags'), '0')).toBe('meta.tags.0')
    expect(step('meta', 'a key')).toBe('meta["a key"]')
  })

  test('a long string is cut until it is unfolded', () => {
    const value = { text: 'x'.repeat(500) }
    expect(linesOf(value, 'v', open('v'))[1]!.text).toHaveLength(202)
    expect(linesOf(value, 'v', open('v', 'v.text'))[1]!.text).toHaveLength(502)
  })

  test('null, false and an empty list are told apart', () => {
    expect(linesOf([null, false, []], '', open('')).slice(1).map((line) => [line.kind, line.text])).toEqual([['null', 'null'], ['boolean', 'false'], ['list', '']])
  })
})
