import { grouped } from '../../fields/value'

/** The answer of explain (docs/reference/explain.md), as lines that can be shown. */
type Side = { text: string; value?: unknown }
export type Part = { text: string; result?: boolean | null; rows?: number; left?: Side; right?: Side; join?: string; parts?: Part[] }
export type Check = { source: string; when?: string; rule: string | null; result: boolean; tree?: Part; reason?: string; sql?: string; parameters?: unknown[] }
export type Explanation = { allowed: boolean; status: number; grantedBy: string | null; checks: Check[]; seen?: { rows: number; of: number }; message?: string }

/** The answer of explain/sample: records to ask about, and why there may be more. */
export type Sample = { ids: string[]; looked: number; ended?: 'rows' | 'time' }

/** What is to be said of records that were looked for: nothing where all that were asked for are there. */
export function soughtWords(found: Sample, who: string): string {
  if (found.ended === 'time') return 'The server was not done within its time for a read. Write an id, or try again.'
  if (found.ids.length) return ''
  if (found.ended) return `Among ${grouped(found.looked)} records there is none that ${who} may not see, and there are more: try again, it begins at another place.`
  return found.looked ? `There is none that ${who} may not see.` : 'There is no record yet.'
}

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
