/** A JSON value as lines of a tree: of what is unfolded alone, and of long lists a part at a time. */
type Kind = 'object' | 'list' | 'string' | 'number' | 'boolean' | 'null'

/** `size` counts members, or the characters of a string. `more` is a line that stands for the members that are not shown. */
export type Line = { path: string; name: string; depth: number; kind: Kind; text: string; size: number; isOpen: boolean; more: number; place: number; places: number }
/** How many members of each value are shown, by its path; a value that is not in it is folded. */
export type Unfolded = ReadonlyMap<string, number>

export const PART = 100 // members that are shown at once
const LINE_CHARS = 200
const MOST_CHARS = 10_000 // of one string, once it is unfolded

export function kindOf(value: unknown): Kind {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'list'
  return typeof value as Kind
}

/** A path as filters write it: `meta.tags.0`; other keys stand in brackets. */
export function step(path: string, key: string): string {
  if (!/^\w+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path ? `${path}.${key}` : key
}

export function linesOf(value: unknown, root: string, unfolded: Unfolded): Line[] {
  const lines: Line[] = []
  add(lines, value, root, root || 'value', 0, unfolded, 1, 1)
  return lines
}

function add(lines: Line[], value: unknown, path: string, name: string, depth: number, unfolded: Unfolded, place: number, places: number): void {
  const kind = kindOf(value)
  const shown = unfolded.get(path) ?? 0
  const keys = kind === 'object' ? Object.keys(value as object) : []
  const size = kind === 'list' ? (value as unknown[]).length : kind === 'string' ? (value as string).length : keys.length
  lines.push({ path, name, depth, kind, text: textOf(value, kind, shown > 0), size, isOpen: shown > 0 && canUnfold(kind, size), more: 0, place, places })
  if (!shown || kind === 'string') return
  for (let at = 0; at < Math.min(size, shown); at++) {
    const key = kind === 'list' ? String(at) : keys[at]!
    const member = kind === 'list' ? (value as unknown[])[at] : (value as Record<string, unknown>)[key]
    add(lines, member, step(path, key), key, depth + 1, unfolded, at + 1, size)
  }
  if (size > shown) lines.push({ path, name: '', depth: depth + 1, kind, text: '', size, isOpen: false, more: size - shown, place: shown + 1, places: size })
}

export const canUnfold = (kind: Kind, size: number): boolean => (kind === 'string' ? size > LINE_CHARS : size > 0)

function textOf(value: unknown, kind: Kind, isOpen: boolean): string {
  if (kind === 'object' || kind === 'list') return ''
  if (kind !== 'string') return String(value ?? null)
  const most = isOpen ? MOST_CHARS : LINE_CHARS
  const text = value as string
  return text.length > most ? `${JSON.stringify(text.slice(0, most)).slice(0, -1)}…` : JSON.stringify(text)
}
