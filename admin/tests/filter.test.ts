import { describe, expect, it, test } from 'vitest'
import { ApiError } from '../src/api/client'
import type { Collection } from '../src/api/types'
import { combination } from '../src/app/shortcuts.svelte'
import { fuzzy } from '../src/app/fuzzy'
import { comparison, joined, mistake, parameters } from '../src/fields/filter'
import { completions, fixOf, pathAt, wordAt } from '../src/fields/suggest'
import { newField } from '../src/fields/kinds'
import { choiceOf, roleName, roleRule, ruleWords } from '../src/fields/rules'
import { pythonic } from '../src/screens/data/snippets'

const users = { id: 'u', name: 'users', type: 'auth', fields: [newField('text', 'name'), newField('password', 'password')] } as unknown as Collection
const posts = {
  id: 'p', name: 'posts', type: 'base', searchable: [] as string[],
  fields: [newField('text', 'title'), newField('number', 'views'), { ...newField('relation', 'author'), collectionId: 'u' }],
} as unknown as Collection
const byId = (id: string) => [users, posts].find((one) => one.id === id)

describe('what stands in the box', () => {
  test('with an operator is a filter', () => expect(parameters(posts, ' views > 1 ')).toEqual({ filter: 'views > 1' }))
  test('without one is looked for in texts, as a parameter', () => {
    expect(parameters(posts, "it's")).toEqual({ filter: 'id ~ {:words} || title ~ {:words}', 'p.words': "it's" })
  })
  test('is searched for where there is an index for it', () => expect(parameters({ ...posts, searchable: ['title'] }, 'old town')).toEqual({ search: 'old town' }))
})

test('a mistake is at the token that the server names', () => {
  const failure = new ApiError(400, 'invalid_filter', 'There is no field "statos" (at character 15): did you mean "status"?')
  expect(mistake("views > 10 && statos = 'a'", failure)).toMatchObject({ from: 14, to: 20 })
})

describe('names are completed', () => {
  test('of the collection', () => expect(completions(posts, byId, 'vi')).toEqual(['views']))
  test('behind a relation, without passwords', () => expect(completions(posts, byId, 'author.')).toEqual(['author.name']))
  test('but not inside quotes', () => expect(wordAt("title = 'vi", 11).word).toBe(''))
})

test('a value of a cell becomes a comparison', () => {
  expect(joined("a = 1 || b = 2", comparison('title', "it's"))).toBe("(a = 1 || b = 2) && title = 'it\\'s'")
})

test.each([
  [null, 'nobody'], ['', 'anyone'], ['@request.auth.id != ""', 'signed-in'], ['author = @request.auth.id', 'owner'], ['views > 1', 'custom'], ['@request.auth.roles ?= "editor"', 'role'],
  ['@request.auth.roles ?= "editor" && live = true', 'custom'],
])('the rule %j is for %s', (rule, choice) => expect(choiceOf(rule)).toBe(choice))

test('a rule for a role says which one', () => {
  expect(roleName(roleRule('editor'))).toBe('editor')
  expect(ruleWords("@request.auth.roles ?= 'editor'")).toBe('Role: editor')
})

test('shortcuts are written as people read them', () => {
  const key = { key: 'k', ctrlKey: true, metaKey: false, altKey: false, shiftKey: false }
  expect(combination(key)).toBe('Ctrl K')
  expect(combination({ ...key, key: '?', ctrlKey: false, shiftKey: true })).toBe('?')
})

test('jumping finds by some letters, the best first', () => {
  expect(fuzzy(['post_stats', 'posts', 'users'], 'posts', (one) => one)).toEqual(['posts', 'post_stats'])
})

test('Python has words of its own for some values', () => {
  expect(pythonic({ a: true, b: null, c: ['x'] })).toBe('{"a": True, "b": None, "c": ["x"]}')
})

describe('what stands at the caret of a rule', () => {
  it.each([
    ['author.name = 1', 3, 'author.name'],
    ['author.name = 1', 11, 'author.name'],
    ['a = 1 && author.', 16, 'author'],
    ['title = "author.name"', 15, ''],
    ['a  = 1', 2, ''],
    ['@request.auth.id != ""', 0, '@request.auth.id'],
  ])('%s at %d is %s', (text, caret, path) => {
    expect(pathAt(text, caret)).toBe(path)
  })
})

describe('what the server takes a rule to mean', () => {
  it.each([
    ['a = 1 && titel = 2', 'There is no field "titel" (at character 10): did you mean "title"?', 'a = 1 && title = 2'],
    ['author.nme = author.nme', 'There is no field "nme" (at character 21): did you mean "name"?', 'author.nme = author.name'],
    ['title = @nwo', 'There is no "@nwo" (at character 9): did you mean "@now"?', 'title = @now'],
  ])('%s', (text, error, fixed) => {
    expect(fixOf(text, error)?.text).toBe(fixed)
  })

  it.each(['There is no field "x" (at character 1).', 'Only superusers may do this.', 'There is no field "gone" (at character 1): did you mean "one"?'])('is nothing in: %s', (error) => {
    expect(fixOf('titel = 1', error)).toBeNull()
  })
})
