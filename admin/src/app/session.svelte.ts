/** Who is logged in, and what the server has: what every screen begins with. */
import { ApiError, call, line, send } from '../api/client'
import type { Collection } from '../api/types'
import { connection } from './connection.svelte'
import { look } from './theme.svelte'

/** The newest backup; without a key there is none. `late`: by the schedule there should be a newer one. */
export type LastBackup = { key: string; made: string; kind: string; scheduled: boolean; late: boolean }
/** A folder of collections, which are named by their ids. */
export type Folder = { id: string; name: string; collections: string[] }
type State = 'loading' | 'signed-out' | 'signed-in' | 'failed'

class Session {
  state = $state<State>('loading')
  setUp = $state(true)
  failure = $state<ApiError | null>(null)
  /** The session has ended over an open page: nothing of it is lost, a dialog asks for the password. */
  expired = $state(false)
  user = $state.raw({ id: '', email: '' })
  version = $state('')
  database = $state('')
  appName = $state('')
  sql = $state<'off' | 'read' | 'write'>('off')
  environment = $state<'dev' | 'staging' | 'prod'>('dev')
  schemaLock = $state(false)
  lastBackup = $state.raw<LastBackup | null>(null)
  collections = $state.raw<Collection[]>([])
  /** How the sidebar has the collections, for all superusers. */
  folders = $state.raw<Folder[]>([])
  rows = $state.raw<Record<string, number>>({})
  /** Of the last request that was answered: how long the server took, and the database of that. */
  ms = $state(0)
  databaseMs = $state(0)
  /** Something waits until its owner has shown who they are. */
  proving = $state(false)
  #waiting: ((proved: boolean) => void)[] = []

  constructor() {
    line.onExpired = () => (this.expired = true)
    line.onProof = () => new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.proving = true
    })
    line.onDone = ({ ms, database, ok }) => {
      connection.heard(ok)
      if (!ms) return
      this.ms = ms
      this.databaseMs = database ?? 0
    }
  }

  /** Whoever waits for it goes on, or is refused. */
  proved(done: boolean): void {
    this.proving = false
    for (const resolve of this.#waiting.splice(0)) resolve(done)
  }

  async load(): Promise<void> {
    try {
      const found = await call('get', '/api/console/bootstrap')
      this.setUp = found.setUp
      line.csrf = found.csrf ?? ''
      this.failure = null
      if (!found.user) {
        this.state = 'signed-out'
        return
      }
      look.take(found.preferences ?? {})
      this.user = found.user
      this.version = found.version ?? ''
      if (this.version) line.client = `console/${this.version}`
      this.database = found.database ?? ''
      this.appName = found.appName ?? ''
      this.sql = found.sql ?? 'off'
      this.environment = found.environment ?? 'dev'
      this.schemaLock = found.schemaLock ?? false
      this.lastBackup = (found as { lastBackup?: LastBackup }).lastBackup ?? null
      this.collections = (found.collections ?? []) as unknown as Collection[]
      this.folders = (found as { folders?: Folder[] }).folders ?? []
      this.rows = found.rows ?? {}
      this.expired = false
      this.state = 'signed-in'
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      this.failure = failure
      if (this.state !== 'signed-in') this.state = 'failed'
    }
  }

  /** Log in. Answers the id of the first factor where a second one has to follow. */
  async signIn(identity: string, password: string): Promise<string> {
    line.csrf = ''
    try {
      await call('post', '/api/console/session', { body: { identity, password }, quiet: true })
    } catch (failure) {
      const mfaId = failure instanceof ApiError ? failure.body.mfaId : undefined
      if (typeof mfaId === 'string') return mfaId
      throw failure
    }
    await this.load()
    return ''
  }

  /** Log in by a passkey of this device. Answers the id of the first factor where a code has to follow. */
  async withPasskey(): Promise<string> {
    const path = '/api/collections/_superusers/passkeys'
    const { data } = await send<PublicKeyCredentialRequestOptionsJSON>('POST', `${path}/login-options`, { quiet: true })
    const signed = (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(data) })) as PublicKeyCredential
    try {
      const { data: login } = await send<{ token: string }>('POST', `${path}/login`, { body: { credential: signed.toJSON() }, quiet: true })
      await this.withToken(login.token)
      return ''
    } catch (failure) {
      const mfaId = failure instanceof ApiError ? failure.body.mfaId : undefined
      if (typeof mfaId === 'string') return mfaId
      throw failure
    }
  }

  /** The code of the authenticator, as the second factor. */
  async secondFactor(mfaId: string, code: string): Promise<void> {
    const path = '/api/collections/_superusers/auth-with-totp'
    const { data } = await send<{ token: string }>('POST', path, { body: { mfaId, code }, quiet: true })
    await this.withToken(data.token)
  }

  /** A login that was just made becomes a session in a cookie; the token is kept nowhere. */
  async withToken(token: string): Promise<void> {
    line.csrf = ''
    await send('POST', '/api/console/session', { headers: { Authorization: token } })
    await this.load()
  }

  async signOut(): Promise<void> {
    await call('delete', '/api/console/session').catch(() => undefined)
    location.assign('/_/')
  }

  byName(name: string): Collection | undefined {
    return this.collections.find((one) => one.name === name)
  }

  byId(id: string): Collection | undefined {
    return this.collections.find((one) => one.id === id || one.name === id)
  }
}

export const session = new Session()
