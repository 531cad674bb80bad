/** What the palette can find: collections, screens, actions, settings and saved views; what was chosen lately comes first. */
import type { Collection } from '../api/types'
import { candidates, hasRoles } from '../screens/access/roles'
import { views } from '../screens/data/views.svelte'
import { key, type Entry } from './fuzzy'
import { href, router } from './router.svelte'
import { PAGES, SECTIONS, SETTINGS } from './sections'
import { session } from './session.svelte'
import { shortcuts } from './shortcuts.svelte'
import { look } from './theme.svelte'
import { undoing } from './undoing.svelte'

const RECENT = 'holdfast.recent'
const MOST_RECENT = 8

const go = (path: string) => (): void => router.go(path)
const place = (name: string, note: string, path: string, keys = ''): Entry => ({ name, note, kind: 'place', keys, run: go(path) })
const action = (name: string, note: string, run: () => void, keys = ''): Entry => ({ name, note, kind: 'action', keys, run })

export function entries(): Entry[] {
  const keys = new Map(shortcuts.all.map((one) => [one.label, shortcuts.keysOf(one.id, one.keys)]))
  const [own, system] = [false, true].map((wanted) => session.collections.filter((one) => one.system === wanted)) as [Collection[], Collection[]]
  return [...own.map(itself), ...screens(keys), ...own.flatMap(parts), ...settings(), ...actions(), ...system.flatMap((one) => [itself(one), ...parts(one)])]
}

const itself = (one: Collection): Entry => place(one.name, one.system ? 'system collection' : 'collection', `/data/${one.name}`)

function parts(one: Collection): Entry[] {
  return [
    ...views.of(one).map((view) => place(view.name, `view of ${one.name}`, `/data/${one.name}?view=${view.id}`)),
    place(`${one.name} schema`, 'fields and indexes', `/data/${one.name}/schema`),
    place(`${one.name} rules`, 'who may do what', `/data/${one.name}/rules`),
    place(`${one.name} API`, 'snippets and requests', `/data/${one.name}/api`),
  ]
}

function screens(keys: Map<string, string>): Entry[] {
  const pages = Object.entries(PAGES).flatMap(([section, list]) => list.map(([path, name]) => place(name, section, path)))
  return [
    ...SECTIONS.map((one) => place(one.name, 'section', one.path, keys.get(`Go to ${one.name}`))),
    ...pages.filter((page) => !SECTIONS.some((one) => one.name === page.name)),
    place('Your account', 'password, second factors, sessions, keys', '/account'),
    place('Rules of all collections', 'access', '/access/rules'), place('API keys', 'access', '/access/keys'), place('Roles', 'access', '/access/roles'), place('Rule tests', 'access', '/access/tests'),
    place('Diagram', 'data', '/data/_/diagram'), place('Draft', 'what is not applied yet', '/data/_/draft'), place('Migrations', 'how the schema has changed', '/data/_/migrations'), place('Trash', 'what was dropped', '/data/_/trash'),
    { name: 'Plain tables (Piccolo Admin)', note: '/admin/tables', kind: 'place', run: () => location.assign('/admin/tables/') },
    { name: 'API docs', note: 'every path of this server', kind: 'place', run: () => location.assign('/api/docs') },
  ]
}

const settings = (): Entry[] => [
  ...SETTINGS.map(([id, name]): Entry => ({ name, note: 'settings', kind: 'setting', run: go(`/settings?section=${id}`) })),
  { name: 'Backups', note: 'settings', kind: 'setting', run: go('/settings/backups') },
]

function actions(): Entry[] {
  return [
    action('New collection', 'action', go('/data/_/new')),
    action('Create backup', 'action', go('/settings/backups?backup=new')),
    action('New webhook', 'action', go('/webhooks?webhook=new')),
    action('New API key', 'action', go('/access/keys?key=new')),
    action('New role', 'action', go('/access/roles?role=new')),
    action('New rule test', 'action', go('/access/tests?test=new')),
    ...(undoing.last ? [action('Undo the plan that was applied last', 'by a plan', () => undoing.begin())] : []),
    action('Begin with a template, a file or sample data', 'action', go('/start')),
    action('Next theme', `now ${look.theme}`, () => look.next(), 'Ctrl .'),
    action('Copy the address of this page', 'action', () => void navigator.clipboard.writeText(location.origin + href(router.path) + location.search)),
    action('Sign out', 'action', () => void session.signOut()),
    ...shortcuts.all.filter((one) => one.run && one.scope !== 'Everywhere').map((one) => action(one.label, one.scope, one.run!, shortcuts.keysOf(one.id, one.keys))),
  ]
}

/** The people whose email begins so, of every collection that logs in. */
export async function people(words: string): Promise<Entry[]> {
  const auth = session.collections.filter((one) => one.type === 'auth' && (one.name === '_superusers' || !one.system || hasRoles(one)))
  const found = await candidates(auth, words)
  return found.map((one) => ({ name: one.label, note: one.collection, kind: 'user', run: go(`/users/${one.collection}?user=${one.id}`) }))
}

export function recent(): string[] {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? '[]') as string[]
  } catch {
    return []
  }
}

export function remember(entry: Entry): void {
  if (entry.kind === 'user') return
  localStorage.setItem(RECENT, JSON.stringify([key(entry), ...recent().filter((one) => one !== key(entry))].slice(0, MOST_RECENT)))
}
