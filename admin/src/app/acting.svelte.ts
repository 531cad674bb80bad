/** Seeing records as somebody else: a token of theirs that this page keeps in memory, and that ends by itself. */
import { line } from '../api/client'
import { toasts } from './toasts.svelte'

export const ACTING_SECONDS = 900

class Acting {
  collection = $state('')
  id = $state('')
  label = $state('')
  left = $state(0)
  #ends = 0
  #ticking: ReturnType<typeof setInterval> | undefined

  /** The token stays in this page: a reload is the superuser's again. */
  begin(token: string, { collection, id, label }: { collection: string; id: string; label: string }): void {
    line.token = token
    this.collection = collection
    this.id = id
    this.label = label
    this.#ends = Date.now() + ACTING_SECONDS * 1000
    clearInterval(this.#ticking)
    this.#ticking = setInterval(() => this.#tick(), 1000)
    this.#tick()
  }

  end(): void {
    clearInterval(this.#ticking)
    line.token = ''
    this.id = ''
    this.left = 0
  }

  #tick(): void {
    // A little before the token does: a guest's answers are not to be taken for theirs.
    this.left = Math.max(0, Math.round((this.#ends - Date.now()) / 1000) - 5)
    if (this.left > 0) return
    const label = this.label
    this.end()
    toasts.done(`You see records as yourself again: the time as ${label} is over`)
  }

  get clock(): string {
    return `${Math.floor(this.left / 60)}:${String(this.left % 60).padStart(2, '0')}`
  }
}

export const acting = new Acting()
