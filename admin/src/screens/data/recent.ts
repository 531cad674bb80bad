/** The filters that were asked of a collection of late, in this browser. */
const MOST = 8
const key = (id: string): string => `holdfast.filters.${id}`

export function recentFilters(id: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key(id)) ?? '[]')
    return Array.isArray(found) ? found.map(String) : []
  } catch {
    return []
  }
}

export function rememberFilter(id: string, text: string): void {
  if (text) localStorage.setItem(key(id), JSON.stringify([text, ...recentFilters(id).filter((one) => one !== text)].slice(0, MOST)))
}
