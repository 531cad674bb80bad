/** Finds names by some of their letters, in order: the closer together and the nearer to a beginning, the better. */
export function score(name: string, typed: string): number {
  const low = name.toLowerCase()
  let at = -1
  let sum = 0
  for (const letter of typed.toLowerCase().replaceAll(' ', '')) {
    const next = low.indexOf(letter, at + 1)
    if (next < 0) return -1
    const begins = next === 0 || /[\s_.-]/.test(low[next - 1]!)
    sum += (next === at + 1 ? 4 : 0) + (begins ? 3 : 0) + 1 - Math.min(next - at, 10) * 0.05
    at = next
  }
  return sum - low.length * 0.01
}

export function fuzzy<T>(list: T[], typed: string, name: (one: T) => string): T[] {
  if (!typed.trim()) return list
  const found = list.map((one) => ({ one, score: score(name(one), typed) })).filter((entry) => entry.score >= 0)
  return found.sort((a, b) => b.score - a.score).map((entry) => entry.one)
}

/** What the palette can find; a place is anything that has an address. */
export type Kind = 'place' | 'action' | 'setting' | 'user'
export type Entry = { name: string; note: string; kind: Kind; keys?: string; run: () => void }
/** What the first letter narrows it to. */
export const PREFIXES: Record<string, Kind> = { '>': 'action', '#': 'setting', '@': 'user' }
export const MOST_FOUND = 12

export const key = (entry: Entry): string => `${entry.name}\n${entry.note}`

/** What fits the words best; without any, what was chosen lately and then the rest. */
export function search(all: Entry[], typed: string, lately: string[] = []): Entry[] {
  const kind = PREFIXES[typed[0] ?? '']
  const words = (kind ? typed.slice(1) : typed).trim()
  const some = kind ? all.filter((one) => one.kind === kind) : all
  if (words) return fuzzy(some, words, (one) => one.name).slice(0, MOST_FOUND)
  const place = (one: Entry): number => (lately.indexOf(key(one)) + lately.length + 1) % (lately.length + 1)
  return [...some].sort((a, b) => place(a) - place(b)).slice(0, MOST_FOUND)
}
