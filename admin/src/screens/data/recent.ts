/** What was asked for and picked of late, in this browser: filters of a collection, and its records by their ids. */
const MOST = 8

function remembered(key: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? '[]')
    return Array.isArray(found) ? found.map(String) : []
  } catch {
    return []
  }
}

function remember(key: string, text: string): void {
  if (text) localStorage.setItem(key, JSON.stringify([text, ...remembered(key).filter((one) => one !== text)].slice(0, MOST)))
}

export const recentFilters = (collection: string): string[] => remembered(`holdfast.filters.${collection}`)
export const rememberFilter = (collection: string, text: string): void => remember(`holdfast.filters.${collection}`, text)
export const recentPicks = (collection: string): string[] => remembered(`holdfast.picks.${collection}`)
export const rememberPick = (collection: string, id: string): void => remember(`holdfast.picks.${collection}`, id)
