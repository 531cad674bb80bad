/** The first request of a program to a collection: a key for it, and a look into the log for what came. */
import { call } from '../../api/client'
import type { Collection } from '../../api/types'
import { utc } from '../../fields/value'
import { ACTIONS } from '../access/roles'

const WEEK = 7 * 86_400_000
const roleOf = (collection: Collection): string => `${collection.name}_everything`
const nameOf = (collection: Collection): string => `First calls of ${collection.name}`

/** A key that may do everything in this one collection, for a week. Its role is made if it is not there. */
export async function issueKey(collection: Collection): Promise<string> {
  const role = roleOf(collection)
  const there = ((await call('get', '/api/roles')).items ?? []).some((one) => one.name === role)
  if (!there) {
    const permissions = [{ collection: collection.name, actions: collection.type === 'view' ? ['list', 'view'] : [...ACTIONS] }]
    await call('post', '/api/roles', { body: { name: role, description: `Everything in ${collection.name}`, permissions } as never })
  }
  const body = { name: nameOf(collection), roles: [role], expires: utc(new Date(Date.now() + WEEK)) }
  return (await call('post', '/api/keys', { body: body as never })).key
}

/** Take back what `issueKey` has made for a collection, if it has. */
export async function withdrawKey(collection: Collection): Promise<void> {
  const roles = (await call('get', '/api/roles')).items ?? []
  const role = roles.find((one) => one.name === roleOf(collection))
  if (role) await call('delete', '/api/roles/{role}', { params: { role: role.id ?? '' } })
  const keys = ((await call('get', '/api/keys')).items ?? []).filter((key) => key.name === nameOf(collection) && !key.revoked)
  for (const key of keys) await call('delete', '/api/keys/{id}', { params: { id: key.id } })
}

export type Heard = { method: string; url: string; status: number; ms: number; from: string; request: string; auth: string }
type Line = { request: string; data: { method?: string; url?: string; status?: number; execTime?: number; userIP?: string; auth?: string } }

/** The newest request to the collection that did not come from the console; null for none yet. */
export async function heard(collection: string, since: Date, signal: AbortSignal): Promise<Heard | null> {
  const filter = `created >= "${utc(since)}" && data.type = "request" && data.console != true && data.url ~ "/api/collections/${collection}/records%"`
  const { items } = await call('get', '/api/logs', { query: { filter, perPage: 1, skipTotal: true }, signal })
  const found = items[0] as Line | undefined
  if (!found) return null
  const { method = '', url = '', status = 0, execTime = 0, userIP = '', auth = '' } = found.data
  return { method, url, status, ms: execTime, from: userIP, request: found.request, auth }
}

/** What to do about an answer that was none of the good ones. */
export function advice({ status, method, auth }: Heard): string {
  if (status === 401) return 'The key did not come along, or is no good: send it as the header X-API-Key.'
  if (status === 403 && !auth) return 'The rule of this action is closed, and the request came without the key: send it as the header X-API-Key.'
  if (status === 403) return 'The rule of this action is closed, and the key does not open it. Is it the key from this page?'
  if (status === 404) return 'There is no such record, or whoever asks may not see it.'
  if (status === 400) return method === 'POST' || method === 'PATCH' ? 'A field was refused: the answer names it under data.' : 'The filter or the sort was refused: the answer says where.'
  if (status === 429) return 'Too many requests in a short time: wait as long as Retry-After says.'
  return status >= 500 ? 'The server has failed: the log has why, under the id of the request.' : ''
}
