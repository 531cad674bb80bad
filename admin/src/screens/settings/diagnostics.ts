/** What somebody who helps needs to know of this server, without what is secret: no records, no names of collections. */
import { ApiError, call, line, send } from '../../api/client'
import { session } from '../../app/session.svelte'
import type { StartupSetting } from './Startup.svelte'

const SECRET = /pass|secret|key|token|credential|private/i
const HIDDEN = '(removed)'

/** The same without what looks like a secret: by its name, or a login in an address. */
export function withoutSecrets(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return value && SECRET.test(name) ? HIDDEN : value.replace(/:\/\/[^/@\s]*@/g, `://${HIDDEN}@`)
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, name))
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one, key)]))
  return value
}

/** Texts only as whether they are set: addresses, people and servers are nobody's business. */
export function withoutTexts(value: unknown): unknown {
  if (typeof value === 'string') return value ? '(set)' : ''
  if (Array.isArray(value)) return value.map(withoutTexts)
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutTexts(one)]))
  return value
}

const counted = (words: string[]): Record<string, number> => words.reduce<Record<string, number>>((found, word) => ({ ...found, [word]: (found[word] ?? 0) + 1 }), {})

/** Which kinds of collections there are, and how large each is, without what they are called. */
function shapes(): unknown[] {
  return session.collections.filter((one) => !one.system).map((one) => ({
    type: one.type,
    fields: counted(one.fields.map((field) => field.type)),
    indexes: one.indexes.length,
    rows: session.rows[one.name] ?? -1,
  }))
}

/** The bundle as text. A part that cannot be asked says why. */
export async function diagnostics(): Promise<string> {
  const part = async (ask: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await ask()
    } catch (failure) {
      return failure instanceof ApiError ? { refused: failure.status, ...failure.data } : { failed: String(failure) }
    }
  }
  const startup = async (): Promise<unknown> => (await call('get', '/api/settings/sources')).startup.map((one) => one as StartupSetting).filter((one) => one.source !== 'default').map((one) => ({ [one.name]: SECRET.test(one.name) ? HIDDEN : withoutSecrets(one.value), from: one.source }))
  const plugins = async (): Promise<unknown> => ((await call('get', '/api/plugins')).items ?? []).map((one) => ({ name: one.name, source: one.source, enabled: one.enabled, active: one.active, error: one.error }))
  const metrics = async (): Promise<string[]> => {
    const answer = await fetch('/metrics', { headers: { 'X-CSRF-Token': line.csrf }, credentials: 'same-origin' })
    return (await answer.text()).split('\n').filter((line) => line && !line.startsWith('#') && !line.includes('_bucket{'))
  }
  const found = {
    made: new Date().toISOString(),
    holdfast: session.version,
    postgresql: session.database,
    environment: session.environment,
    schemaLock: session.schemaLock,
    browser: navigator.userAgent,
    ready: await part(async () => (await send<{ data: unknown }>('GET', '/api/ready')).data.data),
    startedWith: await part(startup),
    settings: withoutTexts(await part(async () => (await send('GET', '/api/settings')).data)),
    collections: shapes(),
    plugins: await part(plugins),
    libraries: await part(async () => Object.fromEntries((await call('get', '/api/console/libraries')).items.map((one) => [one.name, one.version]))),
    metrics: await part(metrics),
  }
  return JSON.stringify(found, null, 2) + '\n'
}
