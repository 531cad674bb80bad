/** What is staged goes out: loaded when somebody saves. */
import { ApiError, recordsPath, send } from '../../api/client'
import type { Collection, Row } from '../../api/types'
import { same } from '../../fields/value'
import { isDraft, type GridModel } from '../../grid/model.svelte'

const MOST_IN_BATCH = 50 // as the server has it unless an operator says otherwise

/** What stands against a change: a refusal, or (`theirs`) that somebody else has changed the same fields. */
export type Conflict = { id: string; message: string; theirs?: Row }

type Change = { row: Row; values: Record<string, unknown> }

/** What came of a save: what stands against it, and the ids of the records that it made. */
export type Saved = { conflicts: Conflict[]; made: string[] }

/** What a save would write, record by record; new ones first. */
function changesOf(model: GridModel): Change[] {
  const made = model.drafts.map((row) => ({ row, values: model.staged.of(row.id) ?? {} }))
  return [...made, ...model.staged.list.filter(({ row }) => !isDraft(row.id))]
}

/**
 * Save what is staged, in batches of which each is all or nothing. Where something stands against one, nothing of it is
 * written, and those before it are; what was written is staged no more.
 *
 * Each record is read first. Fields that somebody else has changed since are a conflict; fields that are not staged are
 * none. The versions that were read go along, so that nobody gets in between.
 */
export async function saveStaged(collection: Collection, model: GridModel): Promise<Saved> {
  const list = changesOf(model)
  const made: string[] = []
  for (let start = 0; start < list.length; start += MOST_IN_BATCH) {
    const some = await saveSome(collection, list.slice(start, start + MOST_IN_BATCH))
    if (some.conflicts.length) return { conflicts: some.conflicts, made }
    made.push(...some.made)
    for (const { row, values } of list.slice(start, start + MOST_IN_BATCH)) {
      if (isDraft(row.id)) model.dropDraft(row.id)
      else {
        model.staged.forget(row.id)
        model.put({ ...row, ...values })
      }
    }
  }
  return { conflicts: [], made }
}

async function saveSome(collection: Collection, list: Change[]): Promise<Saved> {
  const now = await Promise.all(list.map(({ row, values }) => (isDraft(row.id) ? undefined : current(collection, row.id, Object.keys(values)))))
  // A record that is not there may be one of a collection that is not: that is refused as a whole.
  if (now.includes(null)) await send('GET', `/api/collections/${encodeURIComponent(collection.name)}`)
  const moved = list.flatMap(({ row, values }, at): Conflict[] => {
    const found = now[at]
    if (found === undefined) return []
    if (!found) return [{ id: row.id, message: 'This record was deleted.' }]
    const fields = Object.keys(values).filter((name) => !same(found.row[name], row[name]))
    return fields.length ? [{ id: row.id, message: `Somebody else changed ${fields.join(', ')}.`, theirs: found.row }] : []
  })
  if (moved.length) return { conflicts: moved, made: [] }
  const requests = list.map(({ row, values }, at) =>
    isDraft(row.id)
      ? { method: 'POST', url: recordsPath(collection.name), body: values }
      : { method: 'PATCH', url: recordsPath(collection.name, row.id), body: values, headers: { 'If-Match': now[at]!.etag } },
  )
  try {
    const { data } = await send<{ body: Row }[]>('POST', '/api/batch', { body: { requests } })
    return { conflicts: [], made: data.filter((_, at) => isDraft(list[at]!.row.id)).map(({ body }) => body.id) }
  } catch (failure) {
    const found = failure instanceof ApiError ? conflicts(failure, list.map(({ row }) => row.id)) : []
    if (!found.length) throw failure
    return { conflicts: found, made: [] }
  }
}

async function current(collection: Collection, id: string, fields: string[]): Promise<{ row: Row; etag: string } | null> {
  try {
    const { data, etag } = await send<Row>('GET', recordsPath(collection.name, id), { query: { fields: ['id', ...fields].join(',') } })
    return { row: data, etag }
  } catch (failure) {
    if (failure instanceof ApiError && failure.status === 404) return null
    throw failure
  }
}

type Refusal = { response?: { status: number; message: string; data: Record<string, { message: string }> } }

function conflicts(failure: ApiError, ids: string[]): Conflict[] {
  const requests = (failure.data.requests ?? {}) as unknown as Record<string, Refusal>
  return Object.entries(requests).flatMap(([at, { response }]) => {
    const id = ids[Number(at)]
    if (!id || !response) return []
    const details = Object.entries(response.data ?? {}).map(([field, problem]) => `${field}: ${problem.message}`)
    return [{ id, message: details.join(' ') || response.message }]
  })
}
