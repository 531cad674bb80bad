/** Addresses: every screen is one, so that it can be reloaded and shared. */
export const ROOT = '/_'

function read(): { path: string; query: URLSearchParams } {
  return { path: location.pathname.slice(ROOT.length).replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search) }
}

class Router {
  #now = $state.raw(read())
  /** Asked before the address changes; false keeps it. */
  guard: (() => boolean) | null = null

  constructor() {
    addEventListener('popstate', () => (this.#now = read()))
  }

  get path(): string {
    return this.#now.path
  }

  get query(): URLSearchParams {
    return this.#now.query
  }

  /** The parts of the path: `/data/posts/schema` has three. */
  get parts(): string[] {
    return this.path.split('/').filter(Boolean).map(decodeURIComponent)
  }

  go(path: string, options: { replace?: boolean; force?: boolean } = {}): void {
    const leaves = path.split('?')[0] !== this.path
    if (leaves && !options.force && this.guard && !this.guard()) return
    if (leaves) this.guard = null
    history[options.replace ? 'replaceState' : 'pushState'](null, '', ROOT + path)
    this.#now = read()
  }

  /** Change parts of the query; an empty value takes one away, unless it is to be there and empty. */
  set(changes: Record<string, string>, options: { replace?: boolean; empty?: boolean } = {}): void {
    const query = new URLSearchParams(this.query)
    for (const [name, value] of Object.entries(changes)) {
      if (value || options.empty) query.set(name, value)
      else query.delete(name)
    }
    const text = query.toString()
    this.go(this.path + (text ? `?${text}` : ''), options)
  }
}

export const router = new Router()

/** For links: a plain click stays in the page, every other one is the browser's. */
export function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest('a')
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  if (link.target || link.origin !== location.origin || !link.pathname.startsWith(`${ROOT}/`) || link.hasAttribute('download')) return
  event.preventDefault()
  router.go(link.pathname.slice(ROOT.length) + link.search)
}

export const href = (path: string): string => ROOT + path
