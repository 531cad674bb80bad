/** Columns of related records: `author.name` beside the posts, read with their page and never written. */
import type { Collection, Field, FieldType, Row } from '../api/types'
import { isMany } from './kinds'
import { shown } from './value'

type ById = (id: string) => Collection | undefined
/** What such a column is made of: the relation, and the field of what it points at. */
export type Through = { relation: string; field: Field; many: boolean }

const NEVER: FieldType[] = ['password', 'file', 'relation', 'vector']
const readable = (field: Field): boolean => !NEVER.includes(field.type) && field.name !== 'tokenKey'

/** Nothing where the column is one of the collection's own. */
export const throughOf = (field: Field): Through | undefined => field.through as Through | undefined

/** A column. What several records have stands as one text. */
function column(relation: Field, field: Field): Field {
  const many = isMany(relation)
  const through: Through = { relation: relation.name, field, many }
  return { ...field, id: `${relation.id}.${field.id}`, name: `${relation.name}.${field.name}`, type: many ? 'text' : field.type, nullable: !many && field.nullable, max: 0, required: false, presentable: false, through }
}

/** All that a collection can have, one relation after the other. */
export function throughFields(collection: Collection, byId: ById): Field[] {
  return collection.fields
    .filter((field) => field.type === 'relation')
    .flatMap((relation) => (byId(String(relation.collectionId))?.fields ?? []).filter(readable).map((field) => column(relation, field)))
}

/** The rows with the values of these columns, once for each page that comes: cells take them as they take their own. */
export function filledIn(rows: Row[], columns: Field[]): Row[] {
  const wanted = columns.filter((field) => throughOf(field))
  if (wanted.length) for (const row of rows) for (const field of wanted) row[field.name] = valueOf(row, field, throughOf(field)!)
  return rows
}

function valueOf(row: Row, column: Field, { relation, field, many }: Through): unknown {
  const found = row.expand?.[relation]
  const related = found === undefined ? [] : Array.isArray(found) ? found : [found]
  if (many) return related.map((one) => shown(field, one[field.name])).filter(Boolean).join(', ')
  // Without a record there is nothing: neither false nor null.
  return related[0] ? related[0][field.name] : column.type === 'bool' ? undefined : ''
}
