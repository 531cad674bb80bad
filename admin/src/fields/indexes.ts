/** Indexes as they are written, and as a form: the statement is made of the form and read back into it. */
export type IndexColumn = { name: string; descending: boolean }
export type IndexForm = { name: string; unique: boolean; table: string; columns: IndexColumn[]; where: string }

const STATEMENT = /^\s*CREATE\s+(UNIQUE\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?([`"[]?)([\w.-]+)[`"\]]?\s+ON\s+[`"[]?([\w.-]+)[`"\]]?\s*\(([^()]*)\)\s*(?:WHERE\s+([\s\S]+?))?\s*;?\s*$/i
const COLUMN = /^\s*[`"[]?([\w.-]+)[`"\]]?\s*(ASC|DESC)?\s*$/i

/** The form of a statement; null for one that says more than a form can hold. */
export function readIndex(text: string): IndexForm | null {
  const found = STATEMENT.exec(text)
  if (!found) return null
  const columns = found[5]!.split(',').map((part) => COLUMN.exec(part))
  if (columns.some((column) => !column)) return null
  return {
    name: found[3]!,
    unique: Boolean(found[1]),
    table: found[4]!,
    columns: columns.map((column) => ({ name: column![1]!, descending: column![2]?.toUpperCase() === 'DESC' })),
    where: found[6]?.trim() ?? '',
  }
}

export function writeIndex(form: IndexForm): string {
  const columns = form.columns.map((column) => `\`${column.name}\`${column.descending ? ' DESC' : ''}`).join(', ')
  return `CREATE ${form.unique ? 'UNIQUE ' : ''}INDEX \`${form.name}\` ON \`${form.table}\` (${columns})${form.where.trim() ? ` WHERE ${form.where.trim()}` : ''}`
}

/** The statement of an index on one field, beside those that are there. */
export function indexOn(table: string, field: string, there: string[]): string {
  const taken = there.flatMap((text) => readIndex(text)?.name ?? [])
  return writeIndex({ name: freeName(table, [field], taken), unique: false, table, columns: [{ name: field, descending: false }], where: '' })
}

/** A name that no other index has. */
export function freeName(table: string, columns: string[], taken: string[]): string {
  const base = `idx_${table}_${columns.join('_')}`.slice(0, 55)
  let name = base
  for (let number = 2; taken.includes(name); number++) name = `${base}_${number}`
  return name
}

/** The name of an index; of a statement that cannot be read it is the statement. */
export const indexName = (text: string): string => readIndex(text)?.name ?? /INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?[`"[]?([\w.-]+)/i.exec(text)?.[1] ?? text
