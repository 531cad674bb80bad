import { expect, test } from 'vitest'
import type { Field } from '../src/api/types'
import type { DraftField } from '../src/screens/data/draft.svelte'
import { merge, mergeSets, weave } from '../src/screens/data/merge'
import { rebase, settled, sideWords, type Drawn, type Rest, type Shape, type Side } from '../src/screens/data/rebase'

const REST: Rest = { name: 'posts', indexes: [], events: true, history: false, historyDays: 0, searchable: [], comment: '' }
const field = (id: string, name: string, more: object = {}): Field => ({ id, name, type: 'text', system: false, hidden: false, required: false, max: 0, ...more }) as unknown as Field
const TITLE = field('f1', 'title')
const BODY = field('f2', 'body')
const MADE = field('f3', 'created', { type: 'autodate' })
const BASE: Shape = { fields: [TITLE, BODY, MADE], rest: REST }
const shape = (fields: Field[], rest: Partial<Rest> = {}): Shape => ({ fields, rest: { ...REST, ...rest } })
const drawn = (fields: (Field & Partial<DraftField>)[], rest: Partial<Rest> = {}): Drawn => ({ fields: fields.map((one, at) => ({ ...one, key: one.id || `new-${at}`, dropped: one.dropped ?? false })), rest: { ...REST, ...rest } })
const names = ({ fields }: Drawn): string[] => fields.map((one) => `${one.dropped ? '−' : ''}${one.name}`)

test.each([
  ['nobody', 'a', 'a', 'a', 'a', false],
  ['I', 'a', 'b', 'a', 'b', false],
  ['they', 'a', 'a', 'b', 'b', false],
  ['both alike', 'a', 'b', 'b', 'b', false],
  ['both', 'a', 'b', 'c', 'b', true],
])('what %s changed is merged', (_, base, mine, theirs, value, clash) => {
  expect(merge(base, mine, theirs)).toEqual({ value, clash })
})

test('sets are merged without a question, and lists are woven', () => {
  expect(mergeSets(['a', 'b', 'c'], ['b', 'c', 'd'], ['a', 'b', 'e'])).toEqual(['b', 'e', 'd'])
  expect(weave(['c', 'a'], ['x', 'a', 'y', 'z', 'c'])).toEqual(['x', 'c', 'a', 'y', 'z'])
})

test.each<[string, Drawn, Shape, string[]]>([
  ['a field that they have added stays, where they put it', drawn([{ ...TITLE, name: 'headline' }, BODY, MADE]), shape([TITLE, field('f9', 'mail'), BODY, MADE]), ['headline', 'mail', 'body', 'created']],
  ['a field that they have dropped is gone', drawn([TITLE, BODY, field('', 'size'), MADE]), shape([TITLE, MADE]), ['title', 'size', 'created']],
  ['a field that I drop stays dropped', drawn([TITLE, { ...BODY, dropped: true }, MADE]), shape([TITLE, BODY, MADE, field('f9', 'mail')]), ['title', '−body', 'created', 'mail']],
  ['what both have dropped is gone', drawn([TITLE, { ...BODY, dropped: true }, MADE]), shape([TITLE, MADE]), ['title', 'created']],
  ['new fields of both stay where each has put them', drawn([TITLE, field('', 'mine'), BODY, MADE]), shape([TITLE, BODY, field('f9', 'theirs'), MADE]), ['title', 'mine', 'body', 'theirs', 'created']],
  ['the same field made by both is one', drawn([TITLE, BODY, field('', 'size', { required: true }), MADE]), shape([TITLE, BODY, MADE, field('f9', 'size', { required: true })]), ['title', 'body', 'created', 'size']],
  ['fields that I have moved are moved', drawn([BODY, TITLE, MADE]), shape([TITLE, BODY, field('f9', 'mail'), MADE]), ['body', 'mail', 'title', 'created']],
  ['fields that they have moved are moved', drawn([TITLE, field('', 'size'), BODY, MADE]), shape([BODY, TITLE, MADE]), ['body', 'title', 'size', 'created']],
])('%s, and nobody is asked', (_, mine, theirs, expected) => {
  const found = rebase(BASE, mine, theirs)
  expect([names(found), found.clashes]).toEqual([expected, []])
})

test('what each has changed of one field holds, and a field that I have not changed is theirs to the letter', () => {
  const theirs = shape([{ ...TITLE, required: true, max: 50 }, { ...BODY, hidden: true }, MADE])
  const found = rebase(BASE, drawn([{ ...TITLE, name: 'headline' }, BODY, MADE]), theirs)
  expect(found.clashes).toEqual([])
  expect(JSON.stringify(found.fields)).toBe(JSON.stringify(drawn([{ ...TITLE, name: 'headline', required: true, max: 50 }, { ...BODY, hidden: true }, MADE]).fields))
})

const IDX = 'CREATE INDEX `idx_a` ON `posts` (`title`)'
const UNIQUE = 'CREATE UNIQUE INDEX `idx_a` ON `posts` (`title`)'
const NEW = 'CREATE INDEX `idx_b` ON `posts` (`body`)'

test('settings of the collection and its indexes are merged one by one', () => {
  const base = shape([TITLE], { indexes: [IDX], searchable: ['title'] })
  const mine = drawn([TITLE], { indexes: [], searchable: ['title', 'body'], comment: 'Mine', historyDays: 7 })
  const theirs = shape([TITLE], { indexes: [IDX, NEW], searchable: [], events: false, name: 'articles' })
  const found = rebase(base, mine, theirs)
  expect([found.rest, found.clashes]).toEqual([{ ...REST, indexes: [NEW], searchable: ['body'], comment: 'Mine', historyDays: 7, events: false, name: 'articles' }, []])
})

const DATE = { type: 'date' as const, max: '' }
test.each<[string, Drawn, Shape, string, string, string]>([
  ['an option', drawn([{ ...TITLE, max: 10 }]), shape([{ ...TITLE, max: 20 }]), 'title: max', '10', '20'],
  ['a yes or no', drawn([{ ...TITLE, required: true, name: 'a' }]), shape([{ ...TITLE, name: 'b' }]), 'title: name', 'a', 'b'],
  ['a type', drawn([{ ...TITLE, ...DATE }]), shape([{ ...TITLE, name: 'when', max: 9 }]), 'title: type', 'date, max: nothing', 'text, max: 9'],
  ['a field that I drop and they change', drawn([{ ...TITLE, dropped: true }]), shape([{ ...TITLE, required: true }]), 'title', 'dropped', 'title, text'],
  ['a field that they drop and I change', drawn([{ ...TITLE, max: 9 }]), shape([]), 'title', 'title, text, made anew without its values', 'dropped'],
  ['two fields of one name', drawn([TITLE, field('', 'Size', { max: 3 })]), shape([TITLE, field('f9', 'size')]), 'size', 'size, text, max: 3', 'size, text, max: 0'],
  ['the note', drawn([TITLE], { comment: 'Mine' }), shape([TITLE], { comment: 'Theirs' }), 'Note', 'Mine', 'Theirs'],
  ['an index', drawn([TITLE], { indexes: [UNIQUE] }), shape([TITLE], { indexes: [] }), 'Index idx_a', UNIQUE, 'nothing'],
])('%s that both have changed is asked about', (_, mine, theirs, label, ours, others) => {
  const base = shape([TITLE], { indexes: [IDX] })
  const keep = (one: Rest): Rest => (label.startsWith('Index') ? one : { ...one, indexes: [IDX] })
  const found = rebase(base, { ...mine, rest: keep(mine.rest) }, { ...theirs, rest: keep(theirs.rest) })
  expect(found.clashes.map((one) => [one.label, sideWords(one, 'mine', found.fields), sideWords(one, 'theirs', found.fields)])).toEqual([[label, ours, others]])
  const chosen = (side: Side): Drawn => settled(found, found.clashes[0]!, side)
  expect(chosen('mine')).toEqual({ fields: found.fields, rest: found.rest })
  expect(settled(chosen('theirs'), found.clashes[0]!, 'mine')).toEqual(chosen('mine'))
  expect(chosen('theirs')).not.toEqual(chosen('mine'))
})

test('theirs is what they have, with the rest of mine', () => {
  const found = rebase(shape([TITLE, BODY]), drawn([{ ...TITLE, ...DATE, name: 'day' }, { ...BODY, max: 5 }]), shape([{ ...TITLE, max: 9 }, BODY]))
  const { fields } = settled(found, found.clashes[0]!, 'theirs')
  expect(fields.map((one) => [one.name, one.type, one.max])).toEqual([['day', 'text', 9], ['body', 'text', 5]])
})

test('an order that both have changed is asked about', () => {
  const found = rebase(BASE, drawn([BODY, TITLE, MADE, field('', 'size')]), shape([TITLE, MADE, BODY]))
  expect(found.clashes.map((one) => [one.label, sideWords(one, 'mine', found.fields), sideWords(one, 'theirs', found.fields)])).toEqual([['Order of the fields', 'body, title, created, size', 'title, created, size, body']])
  expect(names(settled(found, found.clashes[0]!, 'theirs'))).toEqual(['title', 'created', 'size', 'body'])
})
