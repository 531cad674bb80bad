import { flushSync } from 'svelte'
import { expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { RecordForm } from '../src/screens/data/form.svelte'
import { digestOf } from '../src/app/connection.svelte'

const FIELDS = ['title', 'note', 'gone'].map((name) => ({ ...newField('text', name), id: name }))
const collection = { name: 'posts', fields: [...FIELDS, { ...newField('password', 'password'), id: 'p' }] } as unknown as Collection

test('what was written comes back over the record as it is now, without passwords', () => {
  const form = new RecordForm(collection, { id: 'a', title: 'Old', note: '' })
  form.set('title', 'Mine')
  form.set('password', 'secret')
  const text = form.kept('"1"')
  expect(text).not.toContain('secret')
  const now = new RecordForm({ ...collection, fields: collection.fields.filter((field) => field.name !== 'gone') }, { id: 'a', title: 'Theirs', note: 'New' })
  expect(now.takeBack(text)).toEqual({ etag: '"1"', moved: ['title'] })
  flushSync()
  expect(now.changes).toEqual({ title: 'Mine' })
})

test.each([
  ['<script src="/_/a/0123456789abcdef/assets/index.js">', '0123456789abcdef'],
  ['http://127.0.0.1:8090/_/a/0123456789abcdef/assets/index.js', '0123456789abcdef'],
  ['file:///admin/src/app/connection.svelte.ts', ''],
])('the build of %s', (text, digest) => {
  expect(digestOf(text)).toBe(digest)
})
