/** Backups as their screen asks for them, and what is said of them in words. */
import { send, type Options } from '../../api/client'
import { uploading, type Sent } from '../../api/upload'
import { bytes, grouped } from '../../fields/value'

export type Backup = {
  key: string; size: number; modified: string; kind: 'manual' | 'scheduled' | 'safety' | 'uploaded' | 'unknown'
  contents: ('database' | 'files')[]; where: 'local' | 's3'; sha256: string; note: string; by: string; made: string
  version: string; postgres: string; project: string; ours: boolean; secrets: boolean
  collections: number; rows: number; files: number; fileBytes: number
  verified: string; verifiedOk: boolean | null; state: 'ok' | 'unreadable' | 'newer'; problem: string
}
export type Job = {
  id: string; kind: 'create' | 'verify' | 'restore'; key: string; state: 'running' | 'done' | 'failed'; phase: string
  done: number; total: number | null; message: string; result: Record<string, unknown> | null; by: string; started: string; ended: string; watch?: string
}
export type Compared = {
  id: string; name: string; nameNow: string; type: string; change: 'same' | 'changed' | 'gone' | 'back'
  fields: { back: string[]; gone: string[]; changed: string[] }; rowsThen: number | null; rowsNow: number | null; newer: number | null
}
export type Inspection = {
  backup: Backup; collections: Compared[]; newer: number
  files: { then: number; now: number; bytesThen: number; bytesNow: number }; restorable: boolean; problem: string
}

const PATH = '/api/backups'
const one = (key: string, more = ''): string => `${PATH}/${encodeURIComponent(key)}${more}`
const LATER = { Prefer: 'respond-async' }

export const list = async (options: Options = {}): Promise<Backup[]> => (await send<Backup[]>('GET', PATH, options)).data
export const jobs = async (options: Options = {}): Promise<Job[]> => (await send<{ items: Job[] }>('GET', `${PATH}/jobs`, options)).data.items
export const create = async (body: { name?: string; files: boolean; note: string }): Promise<Job> => (await send<Job>('POST', PATH, { body, headers: LATER })).data
export const verify = async (key: string): Promise<Job> => (await send<Job>('POST', one(key, '/verify'), { headers: LATER })).data
export const inspect = async (key: string, options: Options = {}): Promise<Inspection> => (await send<Inspection>('GET', one(key, '/inspect'), options)).data
export const remove = async (key: string): Promise<void> => void (await send('DELETE', one(key)))
export const restore = async (key: string, options: { safety: boolean; deliveries: boolean }): Promise<Job> => (await send<Job>('POST', one(key, '/restore'), { body: { confirm: key, ...options } })).data

/** Where the archive itself is. It is large, so that the browser fetches it and not this page; the token says who asks. */
export async function downloadAddress(key: string): Promise<string> {
  const { token } = (await send<{ token: string }>('POST', '/api/files/token')).data
  return `${one(key)}?token=${encodeURIComponent(token)}`
}

export async function upload(file: File, told: (sent: Sent) => void, signal: AbortSignal): Promise<void> {
  const form = new FormData()
  form.append('file', file)
  await send('POST', `${PATH}/upload`, { form, signal, by: uploading(told) })
}

const KINDS: Record<Backup['kind'], string> = { manual: 'by hand', scheduled: 'by schedule', safety: 'before a restore', uploaded: 'uploaded', unknown: 'not known' }
export const kindWords = (kind: Backup['kind']): string => KINDS[kind] ?? kind

const PHASES: Record<string, string> = {
  snapshot: 'Taking the moment', database: 'Writing the records', files: 'Writing the files', keep: 'Putting it away',
  safety: 'Making a backup of what is there now', check: 'Reading the archive', load: 'Loading the records beside what is there', migrate: 'Bringing them up to this version',
  count: 'Counting', lay: 'Laying out the files', swap: 'Changing over: the server answers nobody for a moment', done: 'Done',
}
export const phaseWords = (phase: string): string => PHASES[phase] ?? phase

/** Who has made it; `you` for whoever looks. */
export const byWords = (by: string, email: string): string => (by === email ? 'by you' : by)

/** How far a phase is, or null where nobody knows. */
export const shareOf = (job: Pick<Job, 'done' | 'total'>): number | null => (job.total ? Math.min(1, job.done / job.total) : null)

export const jobWords = (kind: Job['kind'], key: string): string => ({ create: `Backup ${key}`, verify: `Check of ${key}`, restore: `Restore of ${key}` })[kind]

/** What is in it, short. */
export function contentWords(found: Pick<Backup, 'contents' | 'collections' | 'rows' | 'files' | 'fileBytes'>): string {
  const records = `${grouped(found.rows)} ${found.rows === 1 ? 'record' : 'records'} of ${grouped(found.collections)} ${found.collections === 1 ? 'collection' : 'collections'}`
  const files = found.contents.includes('files') ? `${grouped(found.files)} ${found.files === 1 ? 'file' : 'files'} (${bytes(found.fileBytes)})` : 'no files'
  return `${records}, ${files}`
}

/** What came of a job, in a sentence. */
export function outcomeWords(job: Job): { text: string; failed: boolean } {
  if (job.state === 'failed') return { text: `${jobWords(job.kind, job.key)}: ${job.message}`, failed: true }
  if (job.kind === 'create') return { text: `Made the backup ${job.key}`, failed: false }
  if (job.kind === 'restore') return { text: `Restored ${job.key}`, failed: false }
  const problems = (job.result?.problems as string[] | undefined) ?? []
  return problems.length ? { text: `${job.key} is not sound: ${problems.join(' ')}`, failed: true } : { text: `Checked ${job.key}: all of it can be restored`, failed: false }
}

/** What would be different after a restore: what vanishes first. */
export function differences(found: Compared[]): Compared[] {
  const order = { gone: 0, changed: 1, back: 2, same: 3 }
  const isDifferent = (one: Compared): boolean => one.change !== 'same' || one.rowsThen !== one.rowsNow || Boolean(one.newer)
  return found.filter(isDifferent).sort((a, b) => order[a.change] - order[b.change] || a.name.localeCompare(b.name))
}

/** The collections of which nobody can tell whether their records are the same: they have as many, and no dates. */
export const untold = (found: Compared[]): Compared[] => found.filter((one) => one.change === 'same' && one.newer === null && one.rowsNow !== 0 && one.rowsThen === one.rowsNow)

/** What becomes of a collection, in words. */
export function changeWords({ change, name, nameNow, fields }: Compared): string {
  if (change === 'gone') return 'vanishes: the backup has no such collection'
  if (change === 'back') return 'comes back'
  const parts = [
    name !== nameNow && nameNow ? `is called ${name} again` : '',
    fields.gone.length ? `loses ${fields.gone.join(', ')}` : '',
    fields.back.length ? `gets ${fields.back.join(', ')} back` : '',
    fields.changed.length ? `has ${fields.changed.join(', ')} as before` : '',
  ].filter(Boolean)
  return parts.join(', ') || (change === 'changed' ? 'has its rules and options as before' : '')
}
