/** Saved views of collections: read once, kept in step with what is saved. */
import { call, type Answer } from '../../api/client'
import type { Collection } from '../../api/types'
import type { Column } from '../../grid/columns.svelte'
import type { Density } from '../../grid/model.svelte'

export type ViewState = { filter: string; sort: string; columns: Column[]; density: Density }
export type SavedView = Answer<'/api/console/views', 'get'>['items'][number]
export const SHARING = [
  { id: 'private', label: 'Private', hint: 'Only you see it.' },
  { id: 'shared', label: 'Shared', hint: 'All superusers see it and may change it.' },
  { id: 'locked', label: 'Shared, read only', hint: 'All superusers see it, and you alone may change it.' },
] as const
export type Sharing = (typeof SHARING)[number]['id']

class Views {
  #list = $state.raw<SavedView[]>([])
  #asked = false
  ready = $state(false)

  async load(): Promise<void> {
    if (this.#asked) return
    this.#asked = true
    try {
      this.#list = (await call('get', '/api/console/views')).items
    } finally {
      this.ready = true
    }
  }

  of(collection: Collection): SavedView[] {
    return this.#list.filter((view) => view.collection === collection.name)
  }

  find(id: string): SavedView | undefined {
    return this.#list.find((view) => view.id === id)
  }

  async create(collection: Collection, name: string, sharing: Sharing, state: ViewState): Promise<SavedView> {
    const made = await call('post', '/api/console/views', { body: { collection: collection.name, name, sharing, state } })
    this.#put(made)
    return made
  }

  async change(id: string, changes: { name?: string; sharing?: Sharing; state?: ViewState }): Promise<void> {
    this.#put(await call('patch', '/api/console/views/{id}', { params: { id }, body: changes }))
  }

  async remove(id: string): Promise<void> {
    await call('delete', '/api/console/views/{id}', { params: { id } })
    this.#list = this.#list.filter((view) => view.id !== id)
  }

  #put(view: SavedView): void {
    this.#list = [...this.#list.filter((one) => one.id !== view.id), view].sort((a, b) => a.name.localeCompare(b.name))
  }
}

export const views = new Views()

/** A view's state with all its parts. */
export function stateOf(view: SavedView): ViewState {
  const { filter = '', sort = '', columns = [], density = 'normal' } = view.state
  return { filter, sort, columns, density }
}
