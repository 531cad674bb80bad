/** The answer of explain (docs/reference/explain.md), as lines that can be shown. */
type Side = { text: string; value?: unknown }
export type Part = { text: string; result?: boolean | null; rows?: number; left?: Side; right?: Side; join?: string; parts?: Part[] }
export type Check = { source: string; when?: string; rule: string | null; result: boolean; tree?: Part; reason?: string; sql?: string; parameters?: unknown[] }
export type Explanation = { allowed: boolean; status: number; grantedBy: string | null; checks: Check[]; seen?: { rows: number; of: number }; message?: string }

/** The tree line by line: what is joined stands below what joins it. */
export function flat(part: Part, depth = 0): { part: Part; depth: number }[] {
  const own = part.parts ? { ...part, text: part.join === '||' ? 'any of' : 'all of' } : part
  return [{ part: own, depth }, ...(part.parts ?? []).flatMap((inner) => flat(inner, depth + 1))]
}

/** The values that were compared; a side that is written as a value says itself. */
export function side(part: Part): string {
  const values = [part.left, part.right].filter((one): one is Side => one !== undefined && 'value' in one && JSON.stringify(one.value) !== one.text)
  return values.map((one) => JSON.stringify(one.value)).join(' · ')
}
