/** Accounts as the screens of users ask for them. */
import { call, recordsPath, send, type Answer, type Options } from '../../api/client'
import type { Collection, Page, Row } from '../../api/types'
import { parameters } from '../../fields/filter'
import { labelOf } from '../../fields/kinds'

export type Account = Answer<'/api/collections/{collection}/accounts', 'get'>['items'][number]
export type Person = { row: Row; account: Account | undefined }
export const PER_PAGE = 50

/** A page of people with how they log in: one request for the records, one for all of their accounts. */
export async function people(collection: Collection, words: string, cursor: string): Promise<{ list: Person[]; next: string }> {
  const query = { ...parameters(collection, words), perPage: PER_PAGE, cursor, sort: '-id' }
  const { data } = await send<Page>('GET', recordsPath(collection.name), { query })
  const accounts = await states(collection, data.items.map((row) => row.id))
  return { list: data.items.map((row) => ({ row, account: accounts.get(row.id) })), next: data.nextCursor ?? '' }
}

export async function states(collection: Collection, ids: string[]): Promise<Map<string, Account>> {
  if (!ids.length) return new Map()
  const { items } = await call('get', '/api/collections/{collection}/accounts', { params: { collection: collection.name }, query: { records: ids.join(',') } })
  return new Map(items.map((one) => [one.id, one]))
}

export type Session = { id: string; record: string; created: string; lastUsed: string; expires: string; address: string; userAgent: string; current: boolean }
export type Passkey = { id: string; name: string; synced: boolean; created: string; lastUsed: string }

/** A path of logins, which the API describes for each collection by itself. */
export async function login<T>(method: string, collection: string, path: string, options: Options = {}): Promise<T> {
  return (await send<T>(method, `/api/collections/${encodeURIComponent(collection)}/${path}`, options)).data
}

/** A token of somebody else, which the audit log knows of. */
export async function impersonate(collection: string, id: string, seconds: number): Promise<string> {
  return (await login<{ token: string }>('POST', collection, `impersonate/${encodeURIComponent(id)}`, { body: { duration: seconds } })).token
}

/** How short a password of these accounts may be. */
export const leastOf = (collection: Collection): number => Number(collection.fields.find((one) => one.type === 'password')?.min) || 8

/** What to call somebody. */
export function nameOf(collection: Collection, row: Row): string {
  return String(row.email || '') || labelOf(collection, row)
}

/** The ways that an account can log in by, in words. */
export function ways(collection: Collection, account: Account): string[] {
  const password = (collection.passwordAuth as { enabled?: boolean } | undefined)?.enabled ? ['password'] : []
  const passkeys = account.passkeys ? [account.passkeys === 1 ? 'a passkey' : `${account.passkeys} passkeys`] : []
  return [...password, ...(account.authenticator ? ['authenticator'] : []), ...passkeys, ...account.providers]
}

type Ways = { sessions: number; authenticator: boolean; passkeys: number; providers: string[] }

/** What an account logs in with, as what ends with it. */
export function endsWords({ sessions, authenticator, passkeys, providers }: Ways): string {
  const found = [
    'its password',
    sessions ? `${sessions} ${sessions === 1 ? 'session' : 'sessions'}` : '',
    passkeys ? `${passkeys} ${passkeys === 1 ? 'passkey' : 'passkeys'}` : '',
    authenticator ? 'its authenticator' : '',
    ...providers.map((one) => `the link with ${one}`),
  ].filter(Boolean)
  return found.length < 2 ? found.join('') : `${found.slice(0, -1).join(', ')} and ${found.at(-1)!}`
}

/** A password that nobody has to remember: its owner chooses another by the mailed link. */
export function randomPassword(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => byte.toString(36).padStart(2, '0')).join('').slice(0, 40)
}

/** What a client calls itself, short: `Firefox on Linux`. */
export function agent(text: string): string {
  // Edge and Opera say that they are Chrome, too, and Chrome that it is Safari.
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((name) => text.includes(`${name}/`))
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(text)?.[1]
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' }
  if (!browser || !text.startsWith('Mozilla/')) return text || 'unknown'
  return [names[browser] ?? browser, system ? `on ${names[system] ?? system}` : ''].filter(Boolean).join(' ')
}
