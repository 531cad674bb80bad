/** Changes of many records that the server does as a job: how far they are, and what came of them, in words. */
import type { Answer } from '../../api/client'
import { grouped } from '../../fields/value'

export type Bulk = Answer<'/api/collections/{collection}/bulks/{id}', 'get'>
type Counts = Pick<Bulk, 'state' | 'delete' | 'action' | 'matched' | 'done' | 'skipped' | 'failed' | 'left' | 'message'>

export type Action = Answer<'/api/collections/{collection}/actions', 'get'>['items'][number]

/** Up to here it is all or nothing, in one transaction that somebody waits for. */
export const MOST_AT_ONCE = 1000
/** The same of an action of a plugin, which is done to each by itself. */
export const MOST_ACTED_ON = 100

export const bulkPath = (collection: string, id: string): string => `/data/${encodeURIComponent(collection)}?bulk=${id}`
const records = (count: number): string => `${grouped(count)} ${count === 1 ? 'record' : 'records'}`

/** From 0 to 1; a change of nothing is done. */
export const share = (one: Pick<Bulk, 'matched' | 'left'>): number => (one.matched ? (one.matched - one.left) / one.matched : 1)

export const title = (collection: string, one: Pick<Bulk, 'delete' | 'action'>): string => `${one.action ? `Run ${one.action} on` : one.delete ? 'Delete' : 'Change'} records of ${collection}`

/** What came of it, in a sentence that names all parts of the whole. */
export function outcome(collection: string, one: Counts): string {
  const verb = one.action ? `Ran ${one.action} on` : one.delete ? 'Deleted' : 'Changed'
  const parts = [one.skipped ? `${grouped(one.skipped)} skipped` : '', one.failed ? `${grouped(one.failed)} failed` : '', one.left ? `${grouped(one.left)} left` : ''].filter(Boolean)
  const begin = `${verb} ${one.done === one.matched ? records(one.done) : `${grouped(one.done)} of ${records(one.matched)}`} of ${collection}`
  const end = one.state === 'cancelled' ? ', then it was cancelled' : one.state === 'failed' ? `, then it ended. ${one.message}` : ''
  return `${begin}${parts.length ? `: ${parts.join(', ')}` : ''}${end}`
}

/** Seconds that it still takes at the rate of the last looks; null where nobody can know. */
export function remaining(seen: readonly { at: number; left: number }[]): number | null {
  const [first, last] = [seen[0], seen.at(-1)]
  if (!first || !last || last.at - first.at < 1000 || last.left >= first.left) return null
  return Math.ceil((last.left * (last.at - first.at)) / (first.left - last.left) / 1000)
}
