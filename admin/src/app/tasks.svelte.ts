/** Long work of the server, whoever began it and on whatever page: imports and jobs that run, and how far they are. */
import { ApiError, call, send } from '../api/client'
import { grouped } from '../fields/value'

export type Task = { key: string; what: string; about: string; share: number | null; path: string; cancel: () => Promise<void> }
type Import = { id: string; state: string; bytes: number; size: number | null; read: number; inserted: number; updated: number; failed: number; skipped: number; message: string; canUndo: boolean }
type Outcome = { text: string; failed: boolean }
/** Jobs that are over in a moment are not worth a look. */
const SHORT_MS = 2000
/** Imports that ran when it was looked last: what came of them is told after a reload, too. */
const WATCHED = 'holdfast.imports'

class Tasks {
  list = $state.raw<Task[]>([])
  #imports = new Map(watched())

  /** How many imports are waited for: it is looked more often then. */
  waiting = $state(this.#imports.size)

  /** An import that this page has begun: it may be over before anybody looks. */
  watch(collection: string, id: string): void {
    this.#imports.set(id, collection)
    this.#keep()
  }

  #keep(): void {
    this.waiting = this.#imports.size
    sessionStorage.setItem(WATCHED, JSON.stringify([...this.#imports]))
  }

  /** Look what runs. Gives what has come of imports that ran when it looked last. */
  async look(signal?: AbortSignal): Promise<Outcome[]> {
    const asked = [...this.#imports]
    const [imports, jobs] = await Promise.all([
      call('get', '/api/imports', { signal, quiet: true }),
      call('get', '/api/jobs', { query: { state: 'running', limit: 20 }, signal, quiet: true }),
    ])
    const running = imports.items.map((one) => ({ collection: one.collection, import: one.import as unknown as Import }))
    const now = new Map(running.map((one) => [one.import.id, one.collection]))
    const ended = asked.filter(([id]) => !now.has(id))
    const begun = [...this.#imports].filter(([id]) => !asked.some(([one]) => one === id))
    this.#imports = new Map([...now, ...begun])
    this.#keep()
    const long = jobs.items.filter((job) => Date.now() - new Date(job.started.replace(' ', 'T')).getTime() > SHORT_MS)
    this.list = [...running.map(ofImport), ...long.map((job) => ofJob(job.id, job.name))]
    const outcomes = await Promise.all(ended.map(([id, collection]) => outcome(collection, id)))
    return outcomes.filter((one) => one !== null)
  }
}

function watched(): [string, string][] {
  try {
    return JSON.parse(sessionStorage.getItem(WATCHED) ?? '[]') as [string, string][]
  } catch {
    return []
  }
}

const importPath = (collection: string, id: string): string => `/api/collections/${encodeURIComponent(collection)}/imports/${encodeURIComponent(id)}`

function ofImport({ collection, import: one }: { collection: string; import: Import }): Task {
  const share = one.size ? Math.min(1, one.bytes / one.size) : null
  return {
    key: `import ${one.id}`,
    what: `Import into ${collection}`,
    about: `${one.state}, ${grouped(one.read)} lines`,
    share,
    path: `/data/${collection}?transfer=import`,
    cancel: async () => void (await send('DELETE', importPath(collection, one.id))),
  }
}

function ofJob(id: string, name: string): Task {
  return { key: `job ${id}`, what: name, about: 'job', share: null, path: `/jobs?job=${id}`, cancel: async () => void (await call('delete', '/api/jobs/{id}', { params: { id } })) }
}

async function outcome(collection: string, id: string): Promise<Outcome | null> {
  try {
    const { data } = await send<Import>('GET', importPath(collection, id))
    return words(collection, data)
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
