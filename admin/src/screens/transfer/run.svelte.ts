/** An import that runs: it goes on while other screens are open, and ends with the page. */
import { ApiError, isTheirs, line, said, send, type Query } from '../../api/client'
import type { Collection } from '../../api/types'
import { tasks } from '../../app/tasks.svelte'
import { Sending } from './sending.svelte'

export type LineProblem = { line: number; column: string; value: string; code: string; message: string }
export type Report = { read: number; inserted: number; updated: number; skipped: number; failed: number; errors: LineProblem[]; importId: string }
export type Progress = { id: string; state: string; bytes: number; size: number | null; read: number; inserted: number; updated: number; skipped: number; failed: number; message: string; canUndo: boolean; started: string; ended: string }
const LOOK_MS = 700

export class Run {
  state = $state<'idle' | 'running' | 'done' | 'stopped' | 'failed'>('idle')
  progress = $state.raw<Progress | null>(null)
  report = $state.raw<Report | null>(null)
  problem = $state('')
  began = $state(0)
  sending = $state.raw<Sending | null>(null)
  #key = ''
  // It was cancelled before it was known which of the imports it is.
  #unwanted = false

  constructor(readonly collection: Collection) {}

  get #imports(): string {
    return `/api/collections/${encodeURIComponent(this.collection.name)}/imports`
  }

  /** Send the file, unless it was sent for a try (`key` says which it is). Ends with a report, or with a sentence of what stood against it. */
  async start(file: Blob, key: string, query: Query): Promise<void> {
    const path = `/api/collections/${encodeURIComponent(this.collection.name)}/records/import`
    this.state = 'running'
    this.report = null
    this.progress = null
    this.problem = ''
    this.#unwanted = false
    this.began = performance.now()
    let looking: ReturnType<typeof setInterval> | undefined
    const who = isTheirs(path) && line.token
    try {
      const upload = await this.#upload(file, key)
      const before = await this.#list()
      // It is nobody else's import than whose it was begun as.
      if ((isTheirs(path) && line.token) !== who) throw new Error('You see records as somebody else by now: import it again.')
      looking = setInterval(() => void this.#look(before), LOOK_MS)
      const { data } = await send<Report>('POST', path, { query: { ...query, upload } })
      this.report = data
      this.state = 'done'
      if (!query.dryRun) this.sending = null // the server has let go of it
    } catch (failure) {
      this.#ended(failure)
    } finally {
      clearInterval(looking)
    }
  }

  async #upload(file: Blob, key: string): Promise<string> {
    if (this.sending && this.#key !== key) this.forget()
    this.#key = key
    this.sending ??= new Sending(file, this.collection.name, key.split('\n')[0]!)
    return this.sending.whole()
  }

  /** What was sent for a try, and is not wanted. */
  forget(): void {
    void this.sending?.giveUp()
    this.sending = null
  }

  #ended(failure: unknown): void {
    if (failure instanceof ApiError && failure.status === 404) this.sending = null // it waited for too long
    if (failure instanceof ApiError && typeof failure.body.read === 'number') {
      this.report = failure.body as unknown as Report
      this.state = 'stopped'
      this.problem = failure.message
      return
    }
    const problems = failure instanceof ApiError ? failure.problems.map(([name, text]) => `${name}: ${text}`).join(' ') : ''
    const cancelled = failure instanceof DOMException && failure.name === 'AbortError'
    this.problem = cancelled ? 'You cancelled it.' : [said(failure), problems].filter(Boolean).join(' ')
    this.state = 'failed'
  }

  async #list(): Promise<Set<string>> {
    const { data } = await send<Progress[]>('GET', this.#imports).catch(() => ({ data: [] as Progress[] }))
    return new Set(data.map((one) => one.id))
  }

  async #look(before: Set<string>): Promise<void> {
    const { data } = await send<Progress[]>('GET', this.#imports).catch(() => ({ data: [] as Progress[] }))
    const own = data.find((one) => !before.has(one.id))
    if (!own || this.state !== 'running') return
    if (!this.progress) tasks.watch('import', this.collection.name, own.id)
    this.progress = own
    if (this.#unwanted) await this.cancel().catch(() => undefined)
    this.#unwanted = false
  }

  /** Nothing of it is written then. */
  async cancel(): Promise<void> {
    if (this.progress) await send('DELETE', `${this.#imports}/${this.progress.id}`)
    else {
      this.#unwanted = true
      this.forget()
    }
  }
}

/** Those that were begun in this page, by collection. */
export const runs = new Map<string, Run>()

export function runOf(collection: Collection): Run {
  const found = runs.get(collection.id) ?? new Run(collection)
  runs.set(collection.id, found)
  return found
}

export async function undo(collection: string, id: string): Promise<{ deleted: number; restored: number; left: number }> {
  return (await send<{ deleted: number; restored: number; left: number }>('POST', `/api/collections/${encodeURIComponent(collection)}/imports/${id}/undo`)).data
}
