/** Requests of the grid and the inspector. */
import { ApiError, recordsPath, send, type Query } from '../../api/client'
import type { Collection, Field, Page, Row } from '../../api/types'
import { parameters } from '../../fields/filter'
import { isMany, labelFields } from '../../fields/kinds'
import { same } from '../../fields/value'
import { PAGE_ROWS, type Source } from '../../grid/pages'
import type { Staged } from '../../grid/staged.svelte'

export type Asked = { collection: Collection; filter: string; sort: string; columns: Field[]; byId: (id: string) => Collection | undefined }
export const MOST_IN_BATCH = 50 // as the server has it unless an operator says otherwise

/** What the columns need and no more: of long HTML its beginning, of relations their labels. */
export function wanted({ columns, byId }: Asked): Query {
  const fields = ['id']
  const expand: string[] = []
  for (const field of columns) {
    if (field.name !== 'id') fields.push(field.type === 'editor' ? `${field.name}:excerpt(200,true)` : field.name)
    const target = field.type === 'relation' ? byId(String(field.collectionId)) : undefined
    const labels = target ? labelFields(target) : []
    if (!labels.length) continue
    expand.push(field.name)
    fields.push(...['id', ...labels].map((name) => `expand.${field.name}.${name}`))
  }
  return { fields: fields.join(','), ...(expand.length ? { expand: expand.join(',') } : {}) }
}

/** Pages one after the other by cursor, which costs the same at any depth; a jump goes by number. */
export function source(asked: Asked): Source {
  const fixed = { ...parameters(asked.collection, asked.filter), ...wanted(asked), ...(asked.sort ? { sort: asked.sort } : {}) }
  return async (page, cursor, signal) => {
    const place: Query = cursor === undefined ? { page: page + 1, skipTotal: true } : { cursor }
    const query = { ...fixed, ...place, perPage: PAGE_ROWS }
    return (await send<Page>('GET', recordsPath(asked.collection.name), { query, signal })).data
  }
}

export const EXACT_BELOW = 50_000

/** How many there are: an estimate where it is many, exactly where that costs nothing. */
export async function count(asked: Asked, how: 'estimated' | 'exact', signal: AbortSignal): Promise<{ total: number; isEstimate: boolean }> {
  const query = { ...parameters(asked.collection, asked.filter), page: 1, perPage: 1, fields: 'id', count: how }
  const { data } = await send<Page>('GET', recordsPath(asked.collection.name), { query, signal })
  const total = data.totalItems ?? 0
  if (!data.totalIsEstimate || total > EXACT_BELOW) return { total, isEstimate: data.totalIsEstimate ?? false }
  return count(asked, 'exact', signal)
}

export async function readRecord(collection: Collection, id: string, signal?: AbortSignal): Promise<{ row: Row; etag: string }> {
  const expand = collection.fields.filter((field) => field.type === 'relation').map((field) => field.name).join(',')
  const { data, etag } = await send<Row>('GET', recordsPath(collection.name, id), { query: expand ? { expand } : {}, signal })
  return { row: data, etag }
}

/** What stands against a change: a refusal, or (`theirs`) that somebody else has changed the same fields. */
export type Conflict = { id: string; message: string; theirs?: Row }

/**
 * Save what is staged, all or nothing. Answers what stands against it: nothing is written then.
 *
 * Each record is read first. Fields that somebody else has changed since are a conflict; fields that are not staged are
 * none. The versions that were read go along, so that nobody gets in between.
 */
export async function saveStaged(collection: Collection, staged: Staged): Promise<Conflict[]> {
  const list = staged.list
  if (list.length > MOST_IN_BATCH) throw new ApiError(400, '', `At most ${MOST_IN_BATCH} records can be saved at once: ${list.length} are changed.`)
  const now = await Promise.all(list.map(({ row, values }) => current(collection, row.id, Object.keys(values))))
  const moved = list.flatMap(({ row, values }, at): Conflict[] => {
    const found = now[at]
    if (!found) return [{ id: row.id, message: 'This record was deleted.' }]
    const fields = Object.keys(values).filter((name) => !same(found.row[name], row[name]))
    return fields.length ? [{ id: row.id, message: `Somebody else changed ${fields.join(', ')}.`, theirs: found.row }] : []
  })
  if (moved.length) return moved
  const requests = list.map(({ row, values }, at) => ({ method: 'PATCH', url: recordsPath(collection.name, row.id), body: values, headers: { 'If-Match': now[at]!.etag } }))
  try {
    await send('POST', '/api/batch', { body: { requests } })
    return []
  } catch (failure) {
    const found = failure instanceof ApiError ? conflicts(failure, list.map(({ row }) => row.id)) : []
    if (!found.length) throw failure
    return found
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

export const ids = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : value ? [String(value)] : [])

export function expanded(row: Row, field: Field): Row[] {
  const found = row.expand?.[field.name]
  return found === undefined ? [] : Array.isArray(found) ? found : [found]
}

export const single = (field: Field, list: string[]): unknown => (isMany(field) ? list : (list[0] ?? ''))
