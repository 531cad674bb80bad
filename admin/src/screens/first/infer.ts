/** What a file of records looks like: its columns, and of which type each seems to be. */
import type { FieldType } from '../../api/types'

export type Guess = { column: string; name: string; type: FieldType; onlyInt: boolean; samples: string[]; kept: boolean }
export type Table = { format: 'csv' | 'ndjson'; delimiter: string; columns: string[]; rows: unknown[][]; headerBytes: number }
const LOOKED_AT = 500 // records of the beginning of a file
const MOST_BYTES = 1_000_000
const TAKEN = ['id', 'collectionid', 'collectionname', 'expand', 'true', 'false', 'null', 'ctid', 'oid', 'xmin', 'rowid']

/** The first records of CSV; quotes may hold delimiters and line ends. Raises a sentence. */
export function readCsv(text: string, isWhole: boolean): Table {
  const first = text.slice(0, endOfRecord(text))
  const delimiter = [',', ';', '\t'].map((one) => [first.split(one).length, one] as const).sort((a, b) => b[0] - a[0])[0]![1]
  const rows: string[][] = []
  let at = 0
  while (at < text.length && rows.length <= LOOKED_AT) {
    const end = endOfRecord(text, at)
    // The last record may be cut off where the reading stopped.
    if (end >= text.length && !isWhole && rows.length > 1) break
    const line = text.slice(at, end)
    at = end + (text.startsWith('\r\n', end) ? 2 : 1)
    if (line !== '') rows.push(cells(line, delimiter))
  }
  const [columns, ...rest] = rows
  if (!columns?.length) throw new Error('The file is empty.')
  return { format: 'csv', delimiter, columns: columns.map((name) => name.replace(/^\ufeff/, '').trim()), rows: rest, headerBytes: new TextEncoder().encode(text.slice(0, endOfRecord(text))).length }
}

/** Where the record that begins at `from` ends: the first line end outside quotes. */
function endOfRecord(text: string, from = 0): number {
  let quoted = false
  for (let at = from; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted
    else if (!quoted && (text[at] === '\n' || text[at] === '\r')) return at
  }
  return text.length
}

function cells(line: string, delimiter: string): string[] {
  const found: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const sign = line[at]!
    if (quoted && sign === '"' && line[at + 1] === '"') {
      cell += '"'
      at++
    } else if (sign === '"') quoted = !quoted
    else if (!quoted && sign === delimiter) {
      found.push(cell)
      cell = ''
    } else cell += sign
  }
  return [...found, cell]
}

/** Records of JSON: a list of objects, or one object on each line. Raises a sentence. */
export function readObjects(objects: unknown[]): Table {
  const records = objects.slice(0, LOOKED_AT)
  const wrong = records.findIndex((one) => typeof one !== 'object' || one === null || Array.isArray(one))
  if (wrong >= 0) throw new Error(`Record ${wrong + 1} is no object.`)
  const columns = [...new Set(records.flatMap((one) => Object.keys(one as object)))]
  if (!columns.length) throw new Error('The file holds no records.')
  return { format: 'ndjson', delimiter: '', columns, rows: records.map((one) => columns.map((name) => (one as Record<string, unknown>)[name])), headerBytes: 0 }
}

/** A file that somebody has chosen: its beginning for CSV and lines of JSON, all of it for a list. */
export async function readFile(file: File): Promise<{ table: Table; objects: Record<string, unknown>[] | null }> {
  const isJson = /\.(json|ndjson|jsonl)$/i.test(file.name) || file.type.includes('json')
  if (!isJson) return { table: readCsv(await file.slice(0, MOST_BYTES).text(), file.size <= MOST_BYTES), objects: null }
  const objects = listOf(await file.text())
  return { table: readObjects(objects), objects: objects as Record<string, unknown>[] }
}

function listOf(text: string): unknown[] {
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? found : [found]
  } catch {
    return text.split('\n').filter((line) => line.trim()).map((line, at) => {
      try {
        return JSON.parse(line) as unknown
      } catch (failure) {
        throw new Error(`Line ${at + 1} is not JSON: ${(failure as Error).message}`)
      }
    })
  }
}

/** A name that a field can have. */
export function fieldName(column: string, others: string[] = []): string {
  const plain = column.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').trim().replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '')
  let name = /^[A-Za-z]/.test(plain) ? plain : plain ? `field_${plain}` : 'field'
  if (TAKEN.includes(name.toLowerCase()) || /^(hf|pg)_/i.test(name)) name = `source_${name}`
  for (let at = 2, free = name; ; free = `${name}_${at++}`) if (!others.some((one) => one.toLowerCase() === free.toLowerCase())) return free.slice(0, 60)
}

export function collectionName(file: string): string {
  return fieldName(file.replace(/\.[^.]+$/, '')).toLowerCase()
}

export function guesses({ columns, rows, format }: Table): Guess[] {
  const names: string[] = []
  return columns.map((column, at) => {
    const name = fieldName(column, names)
    names.push(name)
    const values = rows.map((row) => row[at]).filter((value) => value !== undefined && value !== null && value !== '')
    const type = format === 'csv' ? typeOfTexts(values as string[]) : typeOfValues(values)
    const onlyInt = type === 'number' && values.every((value) => Number.isSafeInteger(Number(value)))
    return { column, name, type, onlyInt, samples: values.slice(0, 3).map((value) => (typeof value === 'string' ? value : JSON.stringify(value))), kept: true }
  })
}

const PATTERNS: [FieldType, RegExp][] = [
  ['bool', /^(true|false|t|f)$/],
  // A leading zero is a part of a number of the post, not of a figure.
  ['number', /^-?(0|[1-9]\d{0,14})(\.\d+)?$/],
  ['date', /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/],
  ['email', /^[^\s@]+@[^\s@]+\.[^\s@]+$/],
  ['url', /^https?:\/\/\S+$/],
]

function typeOfTexts(values: string[]): FieldType {
  if (!values.length) return 'text'
  const found = PATTERNS.find(([, pattern]) => values.every((value) => pattern.test(value)))?.[0]
  if (found) return found
  return values.every((value) => /^[[{]/.test(value) && isJson(value)) ? 'json' : 'text'
}

function typeOfValues(values: unknown[]): FieldType {
  if (!values.length) return 'text'
  if (values.every((value) => typeof value === 'boolean')) return 'bool'
  if (values.every((value) => typeof value === 'number')) return 'number'
  return values.every((value) => typeof value === 'string') ? typeOfTexts(values).replace('bool', 'text').replace('number', 'text') as FieldType : 'json'
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const cell = (name: string): string => (/[",;\t\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)

/** The file as the import takes it: with the names of the fields, and without columns that nobody wants. */
export function body(file: Blob, table: Table, columns: Guess[], objects: Record<string, unknown>[] | null): Blob {
  if (objects) {
    const kept = columns.filter((one) => one.kept)
    const lines = objects.map((row) => JSON.stringify(Object.fromEntries(kept.filter(({ column }) => row[column] !== undefined).map(({ column, name }) => [name, row[column]]))))
    return new Blob([lines.join('\n')], { type: 'application/x-ndjson' })
  }
  // A column that is not kept gets a name that no field has: the import leaves it out.
  const header = columns.map((one, at) => cell(one.kept ? one.name : `-${at}`)).join(table.delimiter)
  return new Blob([header, file.slice(table.headerBytes)], { type: table.delimiter === '\t' ? 'text/tab-separated-values' : 'text/csv' })
}
