/** Copies of records: what goes to the clipboard whole, and new rows that begin as others are. Loaded when it is asked for. */
import type { Collection, Row } from '../../api/types'
import { empty, same } from '../../fields/value'
import { MOST_PASTED, isDraft, type GridModel } from '../../grid/model.svelte'
import { isCut, readWhole } from './records'

export const MOST_COPIED = 50 // rows, which one save takes

/** The range with the whole of what the grid has cut; or what stands against it. */
export async function wholeRange(collection: Collection, model: GridModel): Promise<{ text: string } | { problem: string }> {
  const { top, bottom } = model.range
  const rows = Array.from({ length: bottom - top + 1 }, (_, at) => model.row(top + at)).filter((row) => row !== undefined)
  if (rows.length > MOST_PASTED) return { problem: `Of long texts and JSON, at most ${MOST_PASTED} rows can be copied at once: an export has all.` }
  const whole = await readWhole(collection, rows.map((row) => row.id).filter((id) => !isDraft(id)))
  return { text: model.copy((row, field) => (isCut(field) && !model.staged.has(row.id, field.name) ? whole.get(row.id)?.[field.name] : model.value(row, field))) }
}

/** New rows with what these records hold, but for what is each record's own: they are made by the next save. */
export async function duplicate(collection: Collection, model: GridModel, ids: string[]): Promise<number> {
  const whole = await readWhole(collection, ids)
  const found = ids.map((id) => whole.get(id)).filter((row) => row !== undefined)
  const own = collection.fields.filter((field) => !['id', 'tokenKey'].includes(field.name) && !['autodate', 'file', 'password'].includes(field.type))
  const drafts = model.addDrafts(found.length)
  const fill = (draft: Row, row: Row): void => {
    for (const field of own) if (!same(row[field.name], empty(field))) model.staged.set(draft, field.name, row[field.name])
  }
  drafts.forEach((draft, at) => fill(draft, found[at]!))
  return found.length
}
