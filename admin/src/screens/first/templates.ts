/** Collections to begin with: what an import makes at once, and records to look around in. */
import { call, recordsPath, send } from '../../api/client'
import type { Row } from '../../api/types'
import { newField } from '../../fields/kinds'
import { SIGNED_IN } from '../../fields/rules'

type FieldOf = ReturnType<typeof newField>
type Definition = { name: string; type: 'base'; comment: string; fields: FieldOf[]; [rule: string]: unknown }
/** Records by collection; `@posts.1` is the id of the second of posts, which were made before. */
type Samples = Record<string, Record<string, unknown>[]>
export type Template = { id: string; title: string; about: string; collections: Definition[]; samples: Samples }

/** What marks collections that may go again. */
export const SAMPLE = 'Sample data'
const DAY = 86_400_000

const field = (type: FieldOf['type'], name: string, options: Partial<FieldOf> = {}): FieldOf => ({ ...newField(type, name), ...options })
const text = (name: string, options: Partial<FieldOf> = {}): FieldOf => field('text', name, options)
const choice = (name: string, ...values: string[]): FieldOf => field('select', name, { values })
const relation = (name: string, collectionId: string, options: Partial<FieldOf> = {}): FieldOf => field('relation', name, { collectionId, ...options })
const times = (): FieldOf[] => [field('autodate', 'created', { onCreate: true }), field('autodate', 'updated', { onCreate: true, onUpdate: true })]

/** Whoever is signed in reads; writing stays with superusers until somebody decides otherwise. */
function collection(name: string, fields: FieldOf[], searchable: string[]): Definition {
  return { name, type: 'base', comment: '', fields: [...fields, ...times()], searchable, listRule: SIGNED_IN, viewRule: SIGNED_IN, createRule: null, updateRule: null, deleteRule: null }
}

export const TEMPLATES: Template[] = [
  {
    id: 'tasks', title: 'Tasks', about: 'Projects with tasks, which have a state and a day',
    collections: [
      collection('projects', [text('name', { required: true, presentable: true }), field('editor', 'about')], ['name']),
      collection('tasks', [text('title', { required: true, presentable: true }), choice('status', 'open', 'doing', 'done'), field('date', 'due'), relation('project', 'projects', { cascadeDelete: true }), field('bool', 'urgent')], ['title']),
    ],
    samples: {
      projects: [{ name: 'Website', about: '<p>The new one.</p>' }, { name: 'Move to the new office' }],
      tasks: ['Write the start page', 'Choose the pictures', 'Ask three people to try it', 'Order the desks', 'Cancel the old contract', 'Pack'].map((title, at) => ({
        title, status: ['done', 'doing', 'open'][at % 3], project: `@projects.${at < 3 ? 0 : 1}`, urgent: at % 4 === 1, due: new Date(Date.now() + (at - 1) * DAY).toISOString(),
      })),
    },
  },
  {
    id: 'blog', title: 'Blog', about: 'Authors, posts with tags, and comments',
    collections: [
      collection('authors', [text('name', { required: true, presentable: true }), field('url', 'website')], ['name']),
      collection('posts', [text('title', { required: true, presentable: true }), text('slug', { unique: true }), field('editor', 'body'), choice('status', 'draft', 'published'), field('select', 'tags', { values: ['news', 'how-to', 'opinion'], maxSelect: 3 }), relation('author', 'authors'), field('date', 'published')], ['title', 'body']),
      collection('comments', [field('editor', 'message', { required: true }), text('name'), relation('post', 'posts', { cascadeDelete: true, required: true })], ['message']),
    ],
    samples: {
      authors: [{ name: 'Priya Raman', website: 'https://example.com/priya' }, { name: 'Ilya Petrov' }],
      posts: ['A field guide to offline work', 'Notes from the first month', 'How we count', 'What we left out'].map((title, at) => ({
        title, slug: title.toLowerCase().replaceAll(' ', '-'), body: `<p>${title}: the first paragraph.</p>`, status: at < 3 ? 'published' : 'draft', tags: [['how-to'], ['news'], ['opinion', 'how-to'], []][at], author: `@authors.${at % 2}`,
      })),
      comments: ['Thank you!', 'I would do it another way', 'More of this', 'Where are the sources?'].map((message, at) => ({ message, name: ['Ann', 'Bob', 'Cem', 'Dora'][at], post: `@posts.${at % 3}` })),
    },
  },
  {
    id: 'customers', title: 'Customers', about: 'Companies, people, and deals by stage',
    collections: [
      collection('companies', [text('name', { required: true, presentable: true }), field('url', 'website'), text('city')], ['name', 'city']),
      collection('contacts', [text('name', { required: true, presentable: true }), field('email', 'email', { unique: true }), text('phone'), relation('company', 'companies')], ['name']),
      collection('deals', [text('title', { required: true, presentable: true }), field('decimal', 'amount', { precision: 12, scale: 2 }), choice('stage', 'lead', 'offer', 'won', 'lost'), relation('company', 'companies'), relation('contact', 'contacts')], ['title']),
    ],
    samples: {
      companies: [{ name: 'Northwind Bakery', city: 'Bergen', website: 'https://example.com' }, { name: 'Halden Cycles', city: 'Halden' }],
      contacts: [{ name: 'Mara Lind', email: 'mara@example.com', company: '@companies.0' }, { name: 'Tom Oye', email: 'tom@example.com', company: '@companies.1' }],
      deals: [['Two ovens', '12500.00', 'offer'], ['Service for a year', '2400.00', 'won'], ['Forty bells', '399.00', 'lead']].map(([title, amount, stage], at) => ({ title, amount, stage, company: `@companies.${at === 2 ? 1 : 0}`, contact: `@contacts.${at === 2 ? 1 : 0}` })),
    },
  },
]

/** Which collections point where, in a line: `tasks → projects`. */
export function arrows({ collections }: Template): string[] {
  return collections.flatMap((one) => one.fields.filter((found) => found.type === 'relation').map((found) => `${one.name} → ${String(found.collectionId)}`))
}

/** Make the collections of a template, one after the other since they point at each other; with records if wanted. */
export async function make(template: Template, withSamples: boolean): Promise<void> {
  for (const one of template.collections) {
    await call('post', '/api/collections', { body: { ...one, comment: withSamples ? `${SAMPLE}: ${template.title}` : '' } as never })
  }
  if (withSamples) await fill(template.samples)
}

async function fill(samples: Samples): Promise<void> {
  const ids: Record<string, string[]> = {}
  for (const [name, rows] of Object.entries(samples)) {
    ids[name] = []
    for (const row of rows) ids[name].push((await send<Row>('POST', recordsPath(name), { body: resolved(row, ids) })).data.id)
  }
}

export function resolved(row: Record<string, unknown>, ids: Record<string, string[]>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => {
    const found = typeof value === 'string' ? /^@(\w+)\.(\d+)$/.exec(value) : null
    return [name, found ? (ids[found[1]!]?.[Number(found[2])] ?? '') : value]
  }))
}
