/** A record on top of another one: how its address has it, and what the one below learns of it. */
import type { Row } from '../../api/types'

export type Over = { collection: string; id: string }

/** `shelves:k3j…`; nothing where it names no record. */
export function readOver(text: string): Over | null {
  const at = text.indexOf(':')
  return at > 0 && at < text.length - 1 ? { collection: text.slice(0, at), id: text.slice(at + 1) } : null
}

export const writeOver = (collection: string, id: string): string => `${collection}:${id}`

/** A record with what it shows of a related one as that was just saved. */
export function withRelated(row: Row, saved: Row): Row {
  if (!row.expand) return row
  const now = (one: Row): Row => (one.id === saved.id ? { ...one, ...saved } : one)
  const expand = Object.entries(row.expand).map(([name, found]) => [name, Array.isArray(found) ? found.map(now) : now(found as Row)])
  return { ...row, expand: Object.fromEntries(expand) as Row['expand'] }
}

/** A record with one more that it shows by a field. */
export function withOneMore(row: Row, field: string, made: Row): Row {
  const found = row.expand?.[field]
  const list = found === undefined ? [] : Array.isArray(found) ? found : [found]
  return { ...row, expand: { ...row.expand, [field]: [...list, made] } }
}
