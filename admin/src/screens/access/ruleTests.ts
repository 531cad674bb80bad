/** Rule tests: cases with an end that each has to have, as the screens read and write them. */
import { call } from '../../api/client'

export type Expected = 'allowed' | 'refused'
export type RuleTest = {
  id: string; name: string; collection: string; action: string; as: { collection?: string; id?: string; key?: string } | null
  recordId?: string; body?: Record<string, unknown>; given?: Record<string, Record<string, unknown>[]>; expect: Expected
}
export type Result = { id: string; name: string; collection: string; passed: boolean; expected: string; got: string; message?: string }

export async function ruleTests(): Promise<RuleTest[]> {
  return ((await call('get', '/api/rules/tests')).items ?? []) as unknown as RuleTest[]
}

export async function runTests(collections?: string[]): Promise<Map<string, Result>> {
  const found = await call('post', '/api/rules/tests/run', { body: (collections ? { collections } : {}) as never })
  return new Map((found.results as unknown as Result[]).map((one) => [one.id, one]))
}

/** Who a case is about, in words. */
export function askerWords(as: RuleTest['as']): string {
  if (!as || (!as.collection && !as.key)) return 'anyone, not signed in'
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
