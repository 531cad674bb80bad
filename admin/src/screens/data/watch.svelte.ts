/** Changes that others make come into the grid: updates in their places, new records as a number, deleted ones struck through. */
import { listen, type Change } from '../../api/live'
import type { GridModel } from '../../grid/model.svelte'
import { MOST_READ, matching, readRows, type Asked } from './records'

const GATHER_MS = 200
const MOST_A_SECOND = 50

export class Watch {
  state = $state<'off' | 'live' | 'paused' | 'busy'>('off')
  /** New records that the filter finds and the grid does not show. */
  fresh = $state(0)
  #waiting = new Map<string, Change['action']>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #second = 0
  #heardInIt = 0
  #stop: (() => void) | null = null
  #asking: AbortController | null = null

  constructor(
    private readonly asked: () => Asked,
    private readonly model: GridModel,
  ) {}

  start(): () => void {
    this.#listen()
    return () => this.#end()
  }

  toggle(): void {
    if (this.state !== 'paused') {
      this.#end()
      this.state = 'paused'
    } else this.#listen()
  }

  /** The list was read anew: nothing is fresh, and nothing too much. */
  clear(): void {
    this.fresh = 0
    this.#waiting.clear()
    this.#heardInIt = 0
    if (this.state === 'busy') this.#listen()
  }

  #listen(): void {
    this.state = 'off'
    const { collection } = this.asked()
    this.#stop = listen(collection.name, {
      onchange: (change) => this.#heard(change),
      onreset: () => this.#tooMuch(),
      onstate: (now) => (this.state = this.state === 'busy' && now === 'live' ? 'busy' : now),
    })
  }

  /** Nothing of it can be shown one by one, such as an import of a million: nobody listens before the list is read anew. */
  #tooMuch(): void {
    this.#end()
    this.state = 'busy'
  }

  #end(): void {
    this.#stop?.()
    this.#stop = null
    this.#asking?.abort()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.clear()
  }

  #heard({ action, record }: Change): void {
    if (this.state === 'busy') return
    const now = performance.now()
    if (now - this.#second >= 1000) {
      this.#second = now
      this.#heardInIt = 0
    }
    if (++this.#heardInIt > MOST_A_SECOND) return this.#tooMuch()
    this.#waiting.set(record.id, action)
    this.#timer ??= setTimeout(() => void this.#take(), GATHER_MS)
  }

  async #take(): Promise<void> {
    this.#timer = undefined
    const found = [...this.#waiting]
    this.#waiting.clear()
    const of = (action: Change['action']): string[] => found.filter(([, one]) => one === action).map(([id]) => id)
    this.model.lose(of('delete'))
    const stop = (this.#asking = new AbortController())
    try {
      const updated = of('update').filter((id) => this.model.find(id))
      if (updated.length) this.model.take(await readRows(this.asked(), updated.slice(0, MOST_READ), stop.signal))
      const created = of('create').filter((id) => !this.model.find(id))
      if (created.length) this.fresh += (await matching(this.asked(), created.slice(0, MOST_READ), stop.signal)).filter((id) => !this.model.find(id)).length
    } catch {
      if (!stop.signal.aborted) this.#tooMuch()
    }
  }
}
