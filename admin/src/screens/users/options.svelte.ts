/** The options of an auth collection as they are written: what differs from what is saved goes out. */
import { ApiError, call } from '../../api/client'
import type { Collection } from '../../api/types'
import { session } from '../../app/session.svelte'
import { toasts } from '../../app/toasts.svelte'
import { same } from '../../fields/value'

export type Provider = {
  name: string; clientId: string; clientSecret?: string; displayName: string; authURL: string; tokenURL: string; userInfoURL: string
  pkce: boolean | null; extra: { issuer?: string; [key: string]: unknown } | null
}
export type AuthOptions = {
  authRule: string | null
  manageRule: string | null
  passwordAuth: { enabled: boolean; identityFields: string[] }
  passkeyAuth: { enabled: boolean }
  otp: { enabled: boolean; duration: number; length: number }
  mfa: { enabled: boolean; duration: number; rule: string }
  authAlert: { enabled: boolean }
  authToken: { duration: number; algorithm: string }
  passwordResetToken: { duration: number }
  emailChangeToken: { duration: number }
  verificationToken: { duration: number }
  fileToken: { duration: number }
  oauth2: { enabled: boolean; mappedFields: Record<string, string>; providers: Provider[]; redirectURLs: string[] }
}
const KEYS = ['authRule', 'manageRule', 'passwordAuth', 'passkeyAuth', 'otp', 'mfa', 'authAlert', 'authToken', 'passwordResetToken', 'emailChangeToken', 'verificationToken', 'fileToken', 'oauth2'] as const

const taken = (collection: Collection): AuthOptions => structuredClone(Object.fromEntries(KEYS.map((key) => [key, collection[key]]))) as AuthOptions

export class Options {
  id: string
  saved = $state.raw({} as AuthOptions)
  now = $state({} as AuthOptions)
  refusal = $state.raw<ApiError | null>(null)
  busy = $state(false)

  constructor(collection: Collection) {
    this.id = collection.id
    this.reset(collection)
  }

  reset(collection: Collection): void {
    this.saved = taken(collection)
    this.now = taken(collection)
    this.refusal = null
  }

  get changes(): Partial<AuthOptions> {
    const now = $state.snapshot(this.now) as AuthOptions
    return Object.fromEntries(KEYS.filter((key) => !same(now[key], this.saved[key])).map((key) => [key, now[key]]))
  }

  get isDirty(): boolean {
    return Object.keys(this.changes).length > 0
  }

  isChanged(key: (typeof KEYS)[number]): boolean {
    return !same($state.snapshot(this.now[key]), this.saved[key])
  }

  problem(path: string): string {
    return this.refusal?.problem(path) || this.refusal?.problems.find(([name]) => name.startsWith(`${path}.`))?.[1] || ''
  }

  async save(): Promise<boolean> {
    this.busy = true
    this.refusal = null
    try {
      await call('patch', '/api/collections/{collection}', { params: { collection: this.id }, body: this.changes as never })
      await session.load()
      toasts.done('Saved how people log in')
      return true
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      this.refusal = failure
      return false
    } finally {
      this.busy = false
    }
  }
}
