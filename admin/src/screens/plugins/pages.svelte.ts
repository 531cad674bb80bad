/** The pages of the plugins that are on, asked for when somebody first looks where one could be. */
import { call, type Answer } from '../../api/client'

export type Page = Answer<'/api/plugin-pages', 'get'>['items'][number]

class Pages {
  list = $state.raw<Page[]>([])
  #asked = false

  async load(): Promise<void> {
    this.#asked = true
    this.list = (await call('get', '/api/plugin-pages').catch(() => ({ items: [] }))).items
  }

  once(): void {
    if (!this.#asked) void this.load()
  }
}

export const pages = new Pages()
