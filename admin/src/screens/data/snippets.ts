/** The API of a collection in the words of several languages, with its own names. */
import type { Collection, Field } from '../../api/types'
import { isMany } from '../../fields/kinds'

const SAMPLES: Partial<Record<Field['type'], unknown>> = {
  text: 'Ship it', editor: '<p>Hello</p>', number: 1, decimal: '12.50', bool: true, email: 'ada@example.com', url: 'https://example.com', date: '2026-11-20 09:15:00.000Z',
  autodate: '2026-11-20 09:15:00.000Z', relation: '0j4r2k9qh6t3m0a', file: 'cover_k3f9x2.png', json: { any: 'thing' }, geoPoint: { lon: 12.5, lat: 41.9 }, vector: [0.1, 0.2],
}

function sampleOf(field: Field): unknown {
  const one = field.type === 'select' ? ((field.values as string[] | undefined)?.[0] ?? '') : SAMPLES[field.type]
  return isMany(field) ? [one] : one
}

/** A record as the API would answer it. */
export function sample(fields: Field[], name: string): Record<string, unknown> {
  const shown = fields.filter((field) => !field.hidden && field.type !== 'password' && field.name !== 'id')
  return { collectionName: name, id: '0j4r2k9qh6t3m1x', ...Object.fromEntries(shown.map((field) => [field.name, sampleOf(field)])) }
}

/** What a create would send: what is required, or else the first few fields. */
export function body(collection: Collection): Record<string, unknown> {
  const writable = collection.fields.filter((field) => !['autodate', 'file'].includes(field.type) && !['id', 'tokenKey', 'verified', 'emailVisibility', 'roles'].includes(field.name))
  const needed = writable.filter((field) => field.required)
  const found: Record<string, unknown> = Object.fromEntries((needed.length ? needed : writable.slice(0, 2)).map((field) => [field.name, field.type === 'password' ? 'a long password' : sampleOf(field)]))
  if ('password' in found) found.passwordConfirm = found.password
  return found
}

export type Operation = 'list' | 'view' | 'create' | 'update' | 'delete' | 'listen'
export type Language = 'curl' | 'Python' | 'JavaScript' | 'HTTP'
export const LANGUAGES: Language[] = ['curl', 'Python', 'JavaScript', 'HTTP']

/** `streams`: the answer does not end, and is read as it comes. With `files`, field and name of each, the call is a form: the body is a part of it. */
export type Call = { method: string; path: string; query: string; body: Record<string, unknown> | null; headers?: [string, string][]; files?: [string, string][]; streams?: boolean }

/** The part of a form that keeps the types of what is no file. */
export const PAYLOAD = '@jsonPayload'
/** What the files would be called that a form of this collection takes. */
export const sampleFiles = (fields: Field[]): [string, string][] =>
  fields.filter((field) => field.type === 'file').map(({ name, mimeTypes }) => [name, `${name}.${(mimeTypes as string[] | undefined)?.[0]?.split('/')[1] ?? 'png'}`])

export function callOf(operation: Operation, collection: Collection, id: string): Call {
  const path = `/api/collections/${collection.name}/records`
  const sort = collection.fields.some((field) => field.name === 'created') ? '-created' : '-id'
  const one = { path: `${path}/${encodeURIComponent(id)}`, query: '', body: null }
  switch (operation) {
    case 'list':
      return { method: 'GET', path, query: `perPage=20&sort=${sort}`, body: null }
    case 'view':
      return { method: 'GET', ...one }
    case 'create':
      return { method: 'POST', path, query: '', body: body(collection) }
    case 'update':
      return { method: 'PATCH', ...one, body: Object.fromEntries(Object.entries(body(collection)).slice(0, 1)) }
    case 'delete':
      return { method: 'DELETE', ...one }
    case 'listen':
      return { method: 'GET', path: '/api/realtime', query: `topics=${collection.name}/*`, body: null, streams: true }
  }
}

export function snippet(language: Language, call: Call, origin: string): string {
  const url = origin + call.path + (call.query ? `?${call.query}` : '')
  const write = { curl, Python: python, JavaScript: javascript, HTTP: http }[language]
  return write({ ...call, headers: [...(call.headers ?? []), ...(call.body && !call.files ? [['Content-Type', 'application/json'] as [string, string]] : [])] }, url)
}

type Whole = Call & { headers: [string, string][] }
const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const quoted = (text: string): string => JSON.stringify(text)

function curl({ method, body, headers, files, streams }: Whole, url: string): string {
  const lines = [`curl ${streams ? '-N ' : method === 'GET' ? '' : `-X ${method} `}${shell(url)}`, `-H "X-API-Key: $HOLDFAST_KEY"`, ...headers.map((one) => `-H ${shell(one.join(': '))}`)]
  if (files) lines.push(`--form-string ${shell(`${PAYLOAD}=${JSON.stringify(body)}`)}`, ...files.map(([field, name]) => `-F ${shell(`${field}=@"${name}"`)}`))
  else if (body) lines.push(`-d ${shell(JSON.stringify(body))}`)
  return lines.join(' \\\n  ')
}

const LISTEN_IN_PYTHON = [
  ['import os', 'import httpx', '', 'headers = {"X-API-Key": os.environ["HOLDFAST_KEY"]}'],
  ['    answer.raise_for_status()', '    for line in answer.iter_lines():', '        if line.startswith("data:"):', '            print(line[5:])'],
] as const

/** JSON as Python writes it. */
export function pythonic(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonic).join(', ')}]`
  if (typeof value === 'object') return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${pythonic(one)}`).join(', ')}}`
  return JSON.stringify(value)
}

function python({ method, body, headers, files, streams }: Whole, url: string): string {
  if (streams) return [...LISTEN_IN_PYTHON[0], `with httpx.stream("GET", ${quoted(url)}, headers=headers, timeout=None) as answer:`, ...LISTEN_IN_PYTHON[1]].join('\n')
  const own = headers.filter(([name]) => name !== 'Content-Type').map(([name, text]) => `, ${quoted(name)}: ${quoted(text)}`)
  const lines = [...(files ? ['import json'] : []), 'import os', 'import httpx', '', 'answer = httpx.request(', `    "${method}", ${quoted(url)},`, `    headers={"X-API-Key": os.environ["HOLDFAST_KEY"]${own.join('')}},`]
  if (files) lines.push(`    data={"${PAYLOAD}": json.dumps(${pythonic(body)})},`, `    files=[${files.map(([field, name]) => `(${quoted(field)}, open(${quoted(name)}, "rb"))`).join(', ')}],`)
  else if (body) lines.push(`    json=${pythonic(body)},`)
  lines.push(')', 'answer.raise_for_status()')
  return [...lines, ...(method === 'DELETE' ? [] : ['print(answer.json())'])].join('\n')
}

function javascript({ method, body, headers, files, streams }: Whole, url: string): string {
  const lines = files ? [`import { openAsBlob } from 'node:fs'`, '', 'const body = new FormData()', `body.append('${PAYLOAD}', JSON.stringify(${JSON.stringify(body)}))`] : []
  for (const [field, name] of files ?? []) lines.push(`body.append(${quoted(field)}, await openAsBlob(${quoted(name)}), ${quoted(name)})`)
  lines.push(`const answer = await fetch(${quoted(url)}, {`, `  method: '${method}',`)
  lines.push(`  headers: { 'X-API-Key': process.env.HOLDFAST_KEY${headers.map(([name, text]) => `, ${quoted(name)}: ${quoted(text)}`).join('')} },`)
  if (files) lines.push('  body,')
  else if (body) lines.push(`  body: JSON.stringify(${JSON.stringify(body)}),`)
  lines.push('})', 'if (!answer.ok) throw new Error(await answer.text())')
  if (streams) return [...lines, 'for await (const part of answer.body.pipeThrough(new TextDecoderStream())) console.log(part)'].join('\n')
  return [...lines, ...(method === 'DELETE' ? [] : ['console.log(await answer.json())'])].join('\n')
}

const BOUNDARY = 'holdfast-parts'

/** As files of requests have it (`.http`): a key in braces, and files by their path. */
function http({ method, body, headers, files }: Whole, url: string): string {
  const { host, pathname, search } = new URL(url)
  const part = (name: string, more: string[]): string[] => [`--${BOUNDARY}`, `Content-Disposition: form-data; name=${quoted(name)}${more[0]}`, ...more.slice(1)]
  const lines = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, 'X-API-Key: {{HOLDFAST_KEY}}', ...headers.map((one) => one.join(': '))]
  if (!files) return [...lines, ...(body ? ['', JSON.stringify(body)] : [])].join('\n')
  const parts = files.flatMap(([field, name]) => part(field, [`; filename=${quoted(name)}`, '', `< ./${name}`]))
  return [...lines, `Content-Type: multipart/form-data; boundary=${BOUNDARY}`, '', ...part(PAYLOAD, ['', '', JSON.stringify(body)]), ...parts, `--${BOUNDARY}--`].join('\n')
}
