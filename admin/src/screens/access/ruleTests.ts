/** Rule tests: cases with an end that each has to have, as the screens read and write them. */
import { call } from '../../api/client'

export type Expected = 'allowed' | 'refused'
export type RuleTest = {
  id: string; name: string; collection: string; action: string; as: Asker
  recordId?: string; body?: Record<string, unknown>; given?: Record<string, Record<string, unknown>[]>; expect: Expected
  context?: string; method?: string; query?: Record<string, string>; headers?: Record<string, string>
}
/** Who is meant: one of an auth collection, an API key, whoever has a role and nothing else, or nobody who is signed in. */
export type Asker = { collection?: string; id?: string; key?: string; role?: string } | null
/** What is no account can be chosen from: by what it is called among the choices of who. */
export type Askers = Record<string, { id: string; name: string }[]>
export const ASKERS = [['@key', 'An API key'], ['@role', 'A role alone']] as const
export type Result = { id: string; name: string; collection: string; passed: boolean; expected: string; got: string; message?: string }

export async function ruleTests(): Promise<RuleTest[]> {
  return ((await call('get', '/api/rules/tests')).items ?? []) as unknown as RuleTest[]
}

export async function runTests(collections?: string[]): Promise<Map<string, Result>> {
  const found = await call('post', '/api/rules/tests/run', { body: (collections ? { collections } : {}) as never })
  return new Map((found.results as unknown as Result[]).map((one) => [one.id, one]))
}

export async function askers(): Promise<Askers> {
  const [keys, roles] = await Promise.all([call('get', '/api/keys').catch(() => ({ items: [] })), call('get', '/api/roles').catch(() => ({ items: [] }))])
  return { '@key': (keys.items ?? []).filter((key) => !key.revoked && !key.superuser), '@role': (roles.items ?? []).map(({ name = '' }) => ({ id: name, name })) }
}

export const askerOf = (who: string, id: string): Asker => (!who ? null : who === '@key' ? { key: id } : who === '@role' ? { role: id } : { collection: who, id: id.trim() })

/** Who a case is about, in words. */
export function askerWords(as: Asker): string {
  if (!as || (!as.collection && !as.key && !as.role)) return 'anyone, not signed in'
  if (as.role) return `whoever has the role ${as.role}`
  return as.key ? `the key ${as.key}` : `${as.id} of ${as.collection}`
}

/** JSON that somebody wrote, or what is wrong with it. */
export function readJson(text: string): { value: unknown } | { problem: string } {
  if (!text.trim()) return { value: undefined }
  try {
    return { value: JSON.parse(text) }
  } catch (failure) {
    return { problem: `Not JSON: ${(failure as Error).message}` }
  }
}
