/** Values of a field that are there: of relations by their labels, of texts the commonest. */
import { recordsPath, send } from '../../api/client'
import type { Collection, Field, Page } from '../../api/types'
import { parameters, quote } from '../../fields/filter'
import { labelFields, labelOf } from '../../fields/kinds'
import type { Offer } from '../../fields/suggest'

const MOST = 8

export async function valuesOf(collection: Collection, field: Field, target: Collection | undefined, word: string, signal: AbortSignal): Promise<Offer[]> {
  return field.type === 'relation' ? (target ? ofRelation(target, word, signal) : []) : ofText(collection, field, word, signal)
}

async function ofRelation(target: Collection, word: string, signal: AbortSignal): Promise<Offer[]> {
  const fields = ['id', ...labelFields(target)].join(',')
  const query = { ...parameters(target, word), perPage: MOST, skipTotal: true, fields }
  const { data } = await send<Page>('GET', recordsPath(target.name), { query, signal })
  return data.items.map((row) => ({ insert: `${quote(row.id)} `, label: labelOf(target, row), note: row.id }))
}

async function ofText(collection: Collection, field: Field, word: string, signal: AbortSignal): Promise<Offer[]> {
  const narrowed = word ? { filter: `${field.name} ~ {:word}`, 'p.word': word } : { filter: `${field.name} != ''` }
  const query = { ...narrowed, groupBy: field.name, select: 'count()', sort: '-count()', limit: MOST }
  const { data } = await send<Page>('GET', `${recordsPath(collection.name)}/aggregate`, { query, signal })
  return data.items.map((row) => ({ insert: `${quote(String(row[field.name]))} `, label: String(row[field.name]), note: String(row['count()']) }))
}
