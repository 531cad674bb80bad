/** Long work of the server, whoever began it and on whatever page: imports, changes of many records, backups and jobs that run, and how far they are. */
import { ApiError, call, send } from '../api/client'
import { grouped } from '../fields/value'
import { jobs as backupJobs, jobWords, outcomeWords, phaseWords, shareOf, type Job } from '../screens/backups/backups'
import { bulkPath, outcome as bulkOutcome, share, title, type Bulk } from '../screens/data/bulk'
import { session } from './session.svelte'

export type Task = { key: string; what: string; about: string; share: number | null; path: string; cancel: (() => Promise<void>) | null }
type Import = { id: string; state: string; bytes: number; size: number | null; read: number; inserted: number; updated: number; failed: number; skipped: number; message: string; canUndo: boolean }
type Outcome = { text: string; failed: boolean }
/** What came of something that was watched, and where its report is. */
export type Ended = Outcome & { id: string; path: string }
type Kind = 'import' | 'bulk' | 'backup'
/** Jobs that are over in a moment are not worth a look. */
const SHORT_MS = 2000
/** The job that does changes of many records: they are shown by themselves. */
const OF_BULKS = 'bulk'
/** What ran when it was looked last: what came of it is told after a reload, too. */
const WATCHED = 'holdfast.tasks'

class Tasks {
  list = $state.raw<Task[]>([])
  #watched = new Map(watched())

  /** How many are waited for: it is looked more often then. */
  waiting = $state(this.#watched.size)

  /** Something that this page has begun: it may be over before anybody looks. */
  watch(kind: Kind, collection: string, id: string): void {
    this.#watched.set(id, [kind, collection])
    this.#keep()
  }

  #keep(): void {
    this.waiting = this.#watched.size
    sessionStorage.setItem(WATCHED, JSON.stringify([...this.#watched]))
  }

  /** Look what runs. Gives what has come of what ran when it looked last. */
  async look(signal?: AbortSignal): Promise<Ended[]> {
    const asked = [...this.#watched]
    const [imports, bulks, backups, jobs] = await Promise.all([
      call('get', '/api/imports', { signal, quiet: true }),
      call('get', '/api/bulks', { signal, quiet: true }),
      backupJobs({ signal, quiet: true }),
      call('get', '/api/jobs', { query: { state: 'running', limit: 20 }, signal, quiet: true }),
    ])
    const running = imports.items.map((one) => ({ collection: one.collection, import: one.import as unknown as Import }))
    const archives = backups.filter((one) => one.state === 'running')
    const now = new Map<string, [Kind, string]>([
      ...running.map((one): [string, [Kind, string]] => [one.import.id, ['import', one.collection]]),
      ...bulks.items.map((one): [string, [Kind, string]] => [one.bulk.id, ['bulk', one.collection]]),
      ...archives.map((one): [string, [Kind, string]] => [one.id, ['backup', one.key]]),
    ])
    const ended = asked.filter(([id]) => !now.has(id))
    const begun = [...this.#watched].filter(([id]) => !asked.some(([one]) => one === id))
    this.#watched = new Map([...now, ...begun])
    this.#keep()
    const long = jobs.items.filter((job) => job.name !== OF_BULKS && Date.now() - new Date(job.started.replace(' ', 'T')).getTime() > SHORT_MS)
    this.list = [...running.map(ofImport), ...bulks.items.map((one) => ofBulk(one.collection, one.bulk)), ...archives.map(ofBackup), ...long.map((job) => ofJob(job.id, job.name))]
    const outcomes = await Promise.all(ended.map(([id, [kind, collection]]) => outcome(kind, collection, id)))
    return outcomes.filter((one) => one !== null)
  }
}

function watched(): [string, [Kind, string]][] {
  try {
    return JSON.parse(sessionStorage.getItem(WATCHED) ?? '[]') as [string, [Kind, string]][]
  } catch {
    return []
  }
}

const importPath = (collection: string, id: string): string => `/api/collections/${encodeURIComponent(collection)}/imports/${encodeURIComponent(id)}`

function ofImport({ collection, import: one }: { collection: string; import: Import }): Task {
  const [read = 0, written] = [one.read, (one.inserted ?? 0) + (one.updated ?? 0) + (one.skipped ?? 0) + (one.failed ?? 0)]
  const share = one.state === 'writing' ? written / Math.max(1, read) : one.size ? Math.min(1, (one.bytes ?? 0) / one.size) : null
  return {
    key: `import ${one.id}`,
    what: `Import into ${collection}`,
    about: `${one.state}, ${grouped(one.read)} lines`,
    share,
    path: `/data/${collection}?transfer=import`,
    cancel: async () => void (await send('DELETE', importPath(collection, one.id))),
  }
}

function ofBulk(collection: string, one: Bulk): Task {
  return {
    key: `bulk ${one.id}`,
    what: title(collection, one),
    about: `${grouped(one.matched - one.left)} of ${grouped(one.matched)}`,
    share: share(one),
    path: bulkPath(collection, one.id),
    cancel: async () => void (await call('delete', '/api/collections/{collection}/bulks/{id}', { params: { collection, id: one.id } })),
  }
}

/** A backup, a check or a restore goes on to its end: half of one is of no use. */
function ofBackup(job: Job): Task {
  return { key: `backup ${job.id}`, what: jobWords(job.kind, job.key), about: phaseWords(job.phase), share: shareOf(job), path: '/settings/backups', cancel: null }
}

function ofJob(id: string, name: string): Task {
  return { key: `job ${id}`, what: name, about: 'job', share: null, path: `/jobs?job=${id}`, cancel: async () => void (await call('delete', '/api/jobs/{id}', { params: { id } })) }
}

async function outcome(kind: Kind, collection: string, id: string): Promise<Ended | null> {
  try {
    if (kind === 'bulk') {
      const one = await call('get', '/api/collections/{collection}/bulks/{id}', { params: { collection, id }, quiet: true })
      return { id, path: bulkPath(collection, id), text: bulkOutcome(collection, one), failed: one.state === 'failed' }
    }
    if (kind === 'backup') {
      const { data } = await send<Job>('GET', `/api/backups/jobs/${encodeURIComponent(id)}`, { quiet: true })
      void session.load() // the front page says which is the newest
      return { id, path: '', ...outcomeWords(data) }
    }
    const { data } = await send<Import>('GET', importPath(collection, id))
    return { id, path: '', ...words(collection, data) }
  } catch (failure) {
    if (failure instanceof ApiError) return null
    throw failure
  }
}

/** What came of an import, in a sentence. */
export function words(collection: string, one: Pick<Import, 'state' | 'read' | 'inserted' | 'updated' | 'failed' | 'message' | 'canUndo'>): Outcome {
  if (one.state !== 'done') return { text: `Import into ${collection}: ${one.message || one.state}`, failed: one.state !== 'undone' }
  // What was written can be taken back; a try has written nothing.
  const begin = one.canUndo || !(one.inserted + one.updated) ? `Imported into ${collection}` : `Tried an import into ${collection}, nothing is written`
  return { text: `${begin}: ${grouped(one.inserted)} new, ${grouped(one.updated)} changed of ${grouped(one.read)} lines${one.failed ? `, ${grouped(one.failed)} wrong` : ''}`, failed: false }
}

export const tasks = new Tasks()
