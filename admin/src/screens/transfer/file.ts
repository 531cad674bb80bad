/** A file before it is imported: what it is, what its first lines say, and how its columns are called. No DOM. */
export type Format = 'csv' | 'ndjson' | 'json'
export type Delimiter = 'comma' | 'semicolon' | 'tab'
export const SIGNS: Record<Delimiter, string> = { comma: ',', semicolon: ';', tab: '\t' }
export const HEAD_BYTES = 262_144
export const SHOWN_ROWS = 50

export type Head = { format: Format; encoding: string; delimiter: Delimiter; columns: string[]; rows: string[][]; headerChars: number }

/** The encodings that can be chosen, by the names that a browser has for them. */
export const ENCODINGS: Record<string, string> = { 'utf-8': 'UTF-8', 'windows-1252': 'Windows-1252', 'utf-16le': 'UTF-16', 'utf-16be': 'UTF-16, big-endian' }

/** Which encoding it is: UTF-8 unless its first bytes say otherwise. */
export function encodingOf(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  try {
    // A character that is cut at the end of the head is none that is wrong.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}

export function formatOf(name: string, text: string): Format {
  const begin = text.replace(/^\ufeff/, '').trimStart()
  if (/\.(ndjson|jsonl)$/i.test(name)) return 'ndjson'
  if (begin.startsWith('[')) return 'json'
  if (begin.startsWith('{')) return 'ndjson'
  return 'csv'
}

/** The sign of which the first line has most. */
export function delimiterOf(text: string): Delimiter {
  const line = text.split('\n', 1)[0] ?? ''
  const counts = (Object.entries(SIGNS) as [Delimiter, string][]).map(([name, sign]): [Delimiter, number] => [name, line.split(sign).length])
  return counts.sort((a, b) => b[1] - a[1])[0]![0]
}

/** The first rows of CSV (RFC 4180), and where the first of them ends. A row that is cut at the end is left out. */
export function readCsv(text: string, sign: string, most: number, whole: boolean): { rows: string[][]; firstEnd: number } {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let inside = false
  let firstEnd = text.length
  const end = (at: number): void => {
    row.push(cell)
    cell = ''
    if (rows.length === 0) firstEnd = at
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  let at = 0
  for (; at < text.length && rows.length < most; at++) {
    const char = text[at]!
    if (inside) {
      if (char !== '"') cell += char
      else if (text[at + 1] === '"') cell += text[++at]!
      else inside = false
    } else if (char === '"' && cell === '') inside = true
    else if (char === sign) {
      row.push(cell)
      cell = ''
    } else if (char === '\n') end(at + 1)
    else if (char !== '\r') cell += char
  }
  if (whole && at >= text.length && (cell || row.length)) end(text.length)
  return { rows, firstEnd }
}

/** What the first bytes of a file say of it. */
export function readHead(name: string, text: string, encoding: string, whole: boolean, chosen: Partial<Pick<Head, 'format' | 'delimiter'>> = {}): Head {
  const format = chosen.format ?? formatOf(name, text)
  const delimiter = chosen.delimiter ?? (/\.tsv$/i.test(name) ? 'tab' : delimiterOf(text))
  if (format === 'csv') {
    const body = text.replace(/^\ufeff/, '')
    const { rows, firstEnd } = readCsv(body, SIGNS[delimiter], SHOWN_ROWS + 1, whole)
    return { format, encoding, delimiter, columns: rows[0] ?? [], rows: rows.slice(1), headerChars: firstEnd + (text.length - body.length) }
  }
  const records = format === 'ndjson' ? fromLines(text, whole) : fromArray(text)
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const shown = (value: unknown): string => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))
  return { format, encoding, delimiter, columns, rows: records.map((record) => columns.map((column) => shown(record[column]))), headerChars: 0 }
}

/** How many bytes of a file in UTF-8 its header takes. Raises an error where it is none: others would be cut off with it. */
export async function headerBytes(file: Blob, text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text)
  const there = new Uint8Array(await file.slice(0, bytes.length).arrayBuffer())
  if (bytes.some((byte, at) => byte !== there[at])) throw new Error('The file is no UTF-8: choose another encoding.')
  return bytes.length
}

type Record_ = Record<string, unknown>

function fromLines(text: string, whole: boolean): Record_[] {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  return (whole ? lines : lines.slice(0, -1)).filter((line) => line.trim()).slice(0, SHOWN_ROWS).flatMap(parsed)
}

function parsed(line: string): Record_[] {
  try {
    const found = JSON.parse(line) as unknown
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? [found as Record_] : []
  } catch {
    return []
  }
}

/** The first objects of a list, which may be cut off anywhere: what is between braces, but for those in strings. */
function fromArray(text: string): Record_[] {
  const found: string[] = []
  let [depth, start] = [0, 0]
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/gs)) {
    if (sign === '{' && depth++ === 0) start = index
    else if (sign === '}' && --depth === 0) found.push(text.slice(start, index + 1))
    if (found.length === SHOWN_ROWS) break
  }
  return found.flatMap(parsed)
}

export const csvCell = (text: string, sign = ','): string => (text.includes(sign) || /["\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
