import { beforeEach, expect, test, vi } from 'vitest'
import { ApiError } from '../src/api/client'
import type { Collection } from '../src/api/types'
import { drafts } from '../src/app/drafts.svelte'
import { Draft } from '../src/screens/data/draft.svelte'
import { changesOf, drafted, refusalOf, together } from '../src/screens/data/drafted'
import { schemaFile, type Planned } from '../src/screens/data/schemaFile'

// What the browser keeps, before the modules that read it are loaded.
vi.hoisted(() => {
  const storage: Record<string, unknown> = {
    getItem: (key: string) => storage[key] ?? null,
    setItem: (key: string, text: string) => {
      storage[key] = text
    },
    removeItem: (key: string) => {
      delete storage[key]
    },
    clear: () => {
      for (const key of Object.keys(storage)) if (typeof storage[key] === 'string') delete storage[key]
    },
  }
  Object.assign(globalThis, { localStorage: storage, addEventListener: () => {} })
})

const field = (id: string, name: string, type = 'text') => ({ id, name, type, system: false, hidden: false, required: false })
const made = (id: string, name: string, updated = '1'): Collection =>
  ({ id, name, type: 'base', system: false, fields: [field('f1', 'title'), field('f2', 'body')], indexes: [], events: true, history: false, historyDays: 0, searchable: [], comment: '', updated, created: '1' }) as unknown as Collection
const posts = made('p', 'posts')
const tags = made('t', 'tags')

beforeEach(() => localStorage.clear())

function change(collection: Collection, by: (draft: Draft) => void): Draft {
  const draft = new Draft(collection)
  by(draft)
  draft.save()
  return draft
}

test('a draft says in words what it changes', () => {
  const draft = change(posts, (one) => {
    one.fields[0]!.name = 'headline'
    one.drop(one.fields[1]!)
    one.add(field('', 'views', 'number') as never)
    one.rest.history = true
  })
  expect(changesOf(draft).map(({ mark, text }) => `${mark} ${text}`)).toEqual(['→ title → headline', '− body', '+ views number', '~ whether versions are kept'])
})

test('drafts of several collections are one request, and stay through a reload', () => {
  change(posts, (one) => (one.rest.comment = 'Words'))
  change(tags, (one) => (one.fields[0]!.required = true))
  drafts.keep('new:notes', JSON.stringify({ access: 'superusers', body: { name: 'notes', type: 'base', fields: [field('', 'post', 'relation')] } }))
  const list = drafted([posts, tags])
  expect(list.map((one) => [one.name, one.isNew, one.held])).toEqual([['notes', true, ''], ['posts', false, ''], ['tags', false, '']])
  const body = together(list) as { collections: Record<string, unknown>[]; deleteMissing: string }
  expect(body.deleteMissing).toBe('fields')
  expect(body.collections.map((one) => Object.keys(one).sort())).toEqual([['fields', 'name', 'type'], ['comment', 'id'], ['fields', 'id']])
})

test('a draft that does not say what it was begun on is kept, told about and not applied', () => {
  change(posts, (one) => (one.rest.comment = 'Words'))
  const { base: _, ...kept } = JSON.parse(drafts.read('p')) as Record<string, unknown>
  drafts.keep('p', JSON.stringify(kept))
  const newer = made('p', 'posts', '2')
  const reopened = new Draft(newer)
  reopened.save()
  expect([reopened.stale, reopened.isDirty]).toEqual([true, false])
  const list = drafted([newer])
  expect([list[0]!.held, together(list).collections]).toEqual(['stale', []])
  reopened.reset()
  expect(drafts.ids).toEqual([])
})

test('a draft is laid over what somebody else has made of the collection, and asks where both have changed the same', () => {
  change(posts, (one) => {
    one.fields[0]!.name = 'headline'
    one.rest.comment = 'Mine'
  })
  const newer = made('p', 'posts', '2')
  newer.fields = [{ ...newer.fields[0]!, required: true }, newer.fields[1]!, field('f3', 'mail', 'email') as never]
  newer.comment = 'Theirs'
  expect([drafted([newer])[0]!.held, together(drafted([newer])).collections]).toEqual(['undecided', []])
  const reopened = new Draft(newer)
  expect(reopened.meanwhile.map(({ mark, text }) => `${mark} ${text}`)).toEqual(['~ title', '+ mail email', '~ note'])
  expect(changesOf(reopened).map(({ mark, text }) => `${mark} ${text}`)).toEqual(['→ title → headline', '~ note'])
  reopened.save()
  expect(new Draft(newer).undecided, 'after a reload').toBe(1)
  expect(new Draft({ ...newer, updated: '3' }).undecided, 'after another change').toBe(1)
  reopened.choose(0, 'theirs')
  reopened.save()
  const body = together(drafted([newer])).collections as { fields: { name: string }[] }[]
  expect([Object.keys(body[0]!), body[0]!.fields.map((one) => one.name)]).toEqual([['id', 'fields'], ['headline', 'body', 'mail']])
})

test('a draft of a collection that is gone, or that cannot be read, is in nobody’s way', () => {
  drafts.keep('gone', '{}')
  drafts.keep('p', 'no JSON')
  expect(drafted([posts]).map((one) => [one.id, one.held, one.changes])).toEqual([['gone', 'gone', []], ['p', '', []]])
})

test('a refusal of all is told at the collection that it is about', () => {
  change(posts, (one) => (one.rest.comment = 'Words'))
  change(tags, (one) => (one.fields[0]!.name = '1'))
  const wrong = { code: 'validation_invalid_name', message: 'Must begin with a letter.' }
  const failure = new ApiError(400, 'validation_failed', 'Some fields are not valid.', { collections: { '1': { fields: { '0': { name: wrong } } } } } as never)
  const list = drafted([posts, tags])
  expect(refusalOf(failure, list, 't').problem('fields.0.name')).toBe('Must begin with a letter.')
  expect(refusalOf(failure, list, 'p').problems).toEqual([])
})

test.each([
  ['one that is changed', { method: 'PATCH', collection: 'p', body: { comment: 'Words' } }, 'posts.json', ['posts Words title,body']],
  ['one that is made', { method: 'POST', collection: '', body: { name: 'new', comment: 'Mine', fields: [field('', 'one')] } }, 'new.json', ['new Mine one']],
  ['several', { method: 'PUT', collection: '', body: { collections: [{ id: 't', fields: [field('f1', 'label')] }, { id: 'posts', name: 'articles' }] } }, 'collections.json', ['tags  label', 'articles  title,body']],
] as const)('a locked schema is saved as a file: %s, whole', (_, planned, name, expected) => {
  const file = schemaFile(planned as unknown as Planned, [posts, tags])!
  const { collections } = JSON.parse(file.text) as { collections: Collection[] }
  expect([file.name, collections.map((one) => `${one.name} ${one.comment} ${one.fields.map((each) => each.name).join()}`)]).toEqual([name, expected])
  expect(schemaFile({ method: 'DELETE', collection: 'p', body: {} }, [posts])).toBeNull()
})
