/** Who is logged in, and what the server has: what every screen begins with. */
import { ApiError, call, line, send } from '../api/client'
import type { Collection } from '../api/types'

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
  collections = $state.raw<Collection[]>([])
  rows = $state.raw<Record<string, number>>({})
  online = $state(true)
  ms = $state(0)

  constructor() {
    line.onExpired = () => (this.expired = true)
    line.onDone = ({ ms, ok }) => {
      this.online = ok
      if (ms) this.ms = ms
    }
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
      this.user = found.user
      this.version = found.version ?? ''
      this.database = found.database ?? ''
      this.appName = found.appName ?? ''
      this.collections = (found.collections ?? []) as unknown as Collection[]
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
