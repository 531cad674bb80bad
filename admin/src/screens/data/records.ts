/** Requests of the grid and the inspector. */
import { recordsPath, send, type Query } from '../../api/client'
import type { Collection, Field, Page, Row } from '../../api/types'
import { parameters } from '../../fields/filter'
import { isMany, labelFields } from '../../fields/kinds'
import { filledIn, throughOf } from '../../fields/through'
import { CELL_CHARS } from '../../fields/cut'
import { PAGE_ROWS, type Source } from '../../grid/pages'

export type Asked = { collection: Collection; filter: string; sort: string; columns: Field[]; byId: (id: string) => Collection | undefined }

const LONG_TEXT = 20_000 // characters, of which a page of 100 rows is 2 MB

/** Fields of which a cell has the beginning alone, as a text: the whole of one may be megabytes. */
export const isCut = (field: Field): boolean => !throughOf(field) && isLarge(field)
const isLarge = (field: Field): boolean => field.type === 'editor' || field.type === 'json' || isLong(field)
const isLong = (field: Field): boolean => field.type === 'text' && Number(field.max ?? 0) > LONG_TEXT

/** What the columns need and no more: of long HTML and JSON their beginning, of relations their labels. */
export function wanted({ columns, byId }: Asked): Query {
  const fields = ['id']
  const expand = new Set<string>()
  for (const field of columns) {
    const through = throughOf(field)
    if (through) {
      expand.add(through.relation)
      fields.push(`expand.${through.relation}.id`, `expand.${field.name}${cutOf(through.field)}`)
      continue
    }
    if (field.name !== 'id') fields.push(field.name + cutOf(field))
    if (field.type === 'file' && !fields.includes('collectionId')) fields.push('collectionId')
    const target = field.type === 'relation' ? byId(String(field.collectionId)) : undefined
    const labels = target ? labelFields(target) : []
    if (!labels.length) continue
    expand.add(field.name)
    fields.push(`expand.${field.name}.id`, ...labels.map((name) => `expand.${field.name}.${name}${cutLabel(target!, name)}`))
  }
  return { fields: [...new Set(fields)].join(','), ...(expand.size ? { expand: [...expand].join(',') } : {}) }
}

const cutOf = (field: Field): string => (isLong(field) ? `:left(${CELL_CHARS},true)` : isLarge(field) ? `:excerpt(${CELL_CHARS},true)` : '')

/** What a record is known by may be long as well. */
function cutLabel(target: Collection, name: string): string {
  const field = target.fields.find((one) => one.name === name)
  return field && isLong(field) ? `:left(${CELL_CHARS},true)` : ''
}

/** Pages one after the other by cursor, which costs the same at any depth; a jump goes by number. */
export function source(asked: Asked): Source {
  const fixed = { ...parameters(asked.collection, asked.filter), ...wanted(asked), ...(asked.sort ? { sort: asked.sort } : {}) }
  return async (page, cursor, signal) => {
    const place: Query = cursor === undefined ? { page: page + 1, skipTotal: true } : { cursor }
    const query = { ...fixed, ...place, perPage: PAGE_ROWS }
    const { data } = await send<Page>('GET', recordsPath(asked.collection.name), { query, signal })
    return { ...data, items: filledIn(data.items, asked.columns) }
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

const anyOf = (ids: string[]): string => ids.map((id) => `id = '${id}'`).join(' || ')
export const MOST_READ = 50 // by their ids at once: a filter has at most 3,500 characters

/** Rows as the grid has them, by their ids; those that are not there are left out. */
export async function readRows(asked: Asked, ids: string[], signal?: AbortSignal): Promise<Row[]> {
  const query = { ...wanted(asked), filter: anyOf(ids), perPage: ids.length, skipTotal: true }
  return filledIn((await send<Page>('GET', recordsPath(asked.collection.name), { query, signal })).data.items, asked.columns)
}

/** Records with all that is in them, by their ids. */
export async function readWhole(collection: Collection, ids: string[]): Promise<Map<string, Row>> {
  const found = new Map<string, Row>()
  for (let start = 0; start < ids.length; start += MOST_READ) {
    const some = ids.slice(start, start + MOST_READ)
    const { data } = await send<Page>('GET', recordsPath(collection.name), { query: { filter: anyOf(some), perPage: some.length, skipTotal: true } })
    for (const row of data.items) found.set(row.id, row)
  }
  return found
}

/** Those of these records that the filter finds. */
export async function matching(asked: Asked, ids: string[], signal?: AbortSignal): Promise<string[]> {
  const given = parameters(asked.collection, asked.filter)
  const filter = given.filter ? `(${String(given.filter)}) && (${anyOf(ids)})` : anyOf(ids)
  const query = { ...given, filter, fields: 'id', perPage: ids.length, skipTotal: true }
  return (await send<Page>('GET', recordsPath(asked.collection.name), { query, signal })).data.items.map((row) => row.id)
}

export const ids = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : value ? [String(value)] : [])

export function expanded(row: Row, field: Field): Row[] {
  const found = row.expand?.[field.name]
  return found === undefined ? [] : Array.isArray(found) ? found : [found]
}

export const single = (field: Field, list: string[]): unknown => (isMany(field) ? list : (list[0] ?? ''))
