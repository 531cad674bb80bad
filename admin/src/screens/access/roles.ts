/** Roles as they are written: permissions with lists that are "all" until somebody narrows them. */
import { call, recordsPath, send, type Answer } from '../../api/client'
import type { Collection, Page } from '../../api/types'

export const ACTIONS = ['list', 'view', 'create', 'update', 'delete'] as const
export type Action = (typeof ACTIONS)[number]
export type Permission = { collection: string; actions: Action[]; rule: string; fields: { read: string[]; write: string[] } }
export type Role = { id: string; name: string; description: string; permissions: Permission[]; operations: string[] }
type Given = NonNullable<Answer<'/api/roles', 'get'>['items']>[number]

/** What a role may let be done with the server itself, in words. */
export const OPERATIONS = [['jobs.view', 'Look at jobs and schedules, with what the jobs of plugins were given'], ['jobs.change', 'Retry, start and cancel jobs, and run schedules now'],
  ['logs.view', 'Read the log, with what each request has done'], ['realtime.view', 'See who listens to realtime, and to what'], ['realtime.close', 'Close a line of realtime'],
  ['sql.read', 'Read by SQL: records of all collections, whatever their rules say, and no secret']] as const

export const blank = (collection: string): Permission => ({ collection, actions: ['list', 'view'], rule: '', fields: { read: ['*'], write: ['*'] } })

export async function roles(): Promise<Role[]> {
  return ((await call('get', '/api/roles')).items ?? []).map(read)
}

function read(role: Given): Role {
  const permissions = (role.permissions ?? []).map((one) => {
    const { collection = '*', actions = [], rule = '', fields = {} } = one as unknown as Partial<Permission>
    return { collection, actions, rule, fields: { read: (fields as Partial<Permission['fields']>).read ?? ['*'], write: (fields as Partial<Permission['fields']>).write ?? ['*'] } }
  })
  return { id: role.id ?? '', name: role.name ?? '', description: role.description ?? '', permissions, operations: role.operations ?? [] }
}

/** What a permission lets somebody do, in a line: `posts: list, view where status = 'draft'`. */
export function permissionWords({ collection, actions, rule, fields }: Permission): string {
  const of = collection === '*' ? 'every collection' : collection
  const narrowed = [fields.read, fields.write].some((list) => !list.includes('*')) ? ', some fields' : ''
  return `${of}: ${actions.length === ACTIONS.length ? 'everything' : actions.join(', ')}${rule ? ` where ${rule}` : ''}${narrowed}`
}

export type Holder = { collection: string; id: string; label: string; roles: string[] }
const MOST_HOLDERS = 50

export const hasRoles = (collection: Collection): boolean => collection.type === 'auth' && collection.fields.some((field) => field.name === 'roles' && field.system)

/** Who has a role, of each collection at most MOST_HOLDERS. */
export async function holders(collections: Collection[], role: string): Promise<Holder[]> {
  const found = await Promise.all(collections.filter(hasRoles).map((one) => people(one, 'roles ?= {:role}', { 'p.role': role })))
  return found.flat()
}

/** Some people whose email or id begins so. */
export async function candidates(collections: Collection[], words: string): Promise<Holder[]> {
  const found = await Promise.all(collections.map((one) => people(one, 'email ~ {:words} || id = {:words}', { 'p.words': words, perPage: '6' })))
  return found.flat()
}

async function people(collection: Collection, filter: string, more: Record<string, string>): Promise<Holder[]> {
  const query = { filter, perPage: String(MOST_HOLDERS), skipTotal: true, fields: 'id,email,roles', sort: 'email', ...more }
  const { data } = await send<Page>('GET', recordsPath(collection.name), { query })
  return data.items.map((row) => ({ collection: collection.name, id: row.id, label: String(row.email || row.id), roles: (row.roles as string[] | undefined) ?? [] }))
}

export async function giveRoles(holder: Holder, list: string[]): Promise<void> {
  await send('PATCH', recordsPath(holder.collection, holder.id), { body: { roles: list } })
}
