/** Which collections have changes that are not applied yet: they are kept in this browser, and one plan takes them all. */
import { untrack } from 'svelte'

const PREFIX = 'holdfast.draft.'
/** What the id of a collection that is yet to be made begins with; its name follows. */
export const NEW = 'new:'

class Drafts {
  #turn = $state(0)

  constructor() {
    addEventListener('storage', () => this.#turn++)
  }

  get ids(): string[] {
    void this.#turn
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length)).sort()
  }

  /** The names of collections that the draft would make. */
  get made(): string[] {
    return this.ids.filter((id) => id.startsWith(NEW)).map((id) => id.slice(NEW.length))
  }

  read(id: string): string {
    return localStorage.getItem(PREFIX + id) ?? ''
  }

  /** Keep the draft of a collection; an empty one is dropped. */
  keep(id: string, text: string): void {
    if (text === this.read(id)) return
    if (text) localStorage.setItem(PREFIX + id, text)
    else localStorage.removeItem(PREFIX + id)
    untrack(() => this.#turn++)
  }
}

export const drafts = new Drafts()
