/** One sentence about what has come of something, for a few seconds. */
export type Toast = { id: number; text: string; kind: 'done' | 'failed'; action?: { label: string; run: () => void } }
const SECONDS = 6
const SECONDS_TO_ACT = 12

class Toasts {
  list = $state.raw<Toast[]>([])
  #next = 1

  done(text: string, action?: Toast['action']): void {
    this.#add({ id: this.#next++, text, kind: 'done', ...(action ? { action } : {}) })
  }

  failed(text: string): void {
    this.#add({ id: this.#next++, text, kind: 'failed' })
  }

  close(id: number): void {
    this.list = this.list.filter((one) => one.id !== id)
  }

  #add(toast: Toast): void {
    this.list = [...this.list.slice(-2), toast]
    setTimeout(() => this.close(toast.id), (toast.action ? SECONDS_TO_ACT : SECONDS) * 1000)
  }
}

export const toasts = new Toasts()
