import { describe, expect, test } from 'vitest'
import type { Collection } from '../src/api/types'
import { newField } from '../src/fields/kinds'
import { csvCell, delimiterOf, ENCODINGS, encodingOf, formatOf, headerBytes, readCsv, readHead } from '../src/screens/transfer/file'
import { datesOf, fieldName, guess, header, keys, targets, typeOf } from '../src/screens/transfer/mapping'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const teams = { id: 't', name: 'teams', type: 'base', indexes: [], fields: [{ ...newField('text', 'name'), unique: true }] } as unknown as Collection
const people = {
  id: 'p', name: 'people', type: 'auth', indexes: ['CREATE UNIQUE INDEX `i` ON `people` (`code`)'],
  fields: [newField('text', 'id'), newField('email', 'email'), newField('text', 'code'), newField('text', 'firstName'), newField('file', 'photo'), { ...newField('relation', 'team'), collectionId: 't' }],
} as unknown as Collection
const byId = (id: string) => [teams, people].find((one) => one.id === id)

describe('what a file is', () => {
  test('by its first bytes', () => {
    expect(encodingOf(bytes('ärger').slice(0, 1))).toBe('utf-8') // cut inside a character
    expect(encodingOf(new Uint8Array([0x61, 0xe4, 0x62]))).toBe('windows-1252')
    expect(encodingOf(new Uint8Array([0xff, 0xfe, 0x61, 0]))).toBe('utf-16le')
    for (const name of Object.keys(ENCODINGS)) expect(new TextDecoder(name).encoding).toBe(name)
  })
  test('by its first sign and its name', () => {
    expect([formatOf('a.csv', 'a,b'), formatOf('a.txt', ' [{"a":1}]'), formatOf('a', '{"a":1}\n'), formatOf('a.jsonl', '')]).toEqual(['csv', 'json', 'ndjson', 'ndjson'])
  })
  test('and what stands between cells', () => expect(['a,b;c,d', 'a;b', 'a\tb\tc,d'].map(delimiterOf)).toEqual(['comma', 'semicolon', 'tab']))
})

test('cells may hold quotes, lines and the sign between cells', () => {
  const text = 'a,b\r\n"x, ""y""","two\nlines"\r\n1,'
  expect(readCsv(text, ',', 10, true).rows).toEqual([['a', 'b'], ['x, "y"', 'two\nlines'], ['1', '']])
  expect(readCsv(text, ',', 10, true).firstEnd).toBe(5)
  expect(readCsv('a,b\n1,2\n3', ',', 10, false).rows).toHaveLength(2) // the last row is cut off
})

test('the header ends where its cells do, after a byte order mark too', () => {
  const head = readHead('x.csv', '\ufeff"first\nname",code\nAnn,1\n', 'utf-8', true)
  expect([head.columns, head.rows, head.headerChars]).toEqual([['first\nname', 'code'], [['Ann', '1']], 19])
})

test('a header is cut off by its bytes, and only where they are what was read', async () => {
  const file = (text: string | Uint8Array<ArrayBuffer>): Blob => new Blob([text])
  expect(await headerBytes(file('größe,b\n1,2\n'), 'größe,b\n')).toBe(10)
  const other = new Uint8Array([0x67, 0xf6, 0x2c, 0x62, 0x0a, 0x31, 0x2c, 0x32]) // gö,b in Windows-1252
  await expect(headerBytes(file(other), new TextDecoder('utf-8').decode(other).slice(0, 5))).rejects.toThrow('no UTF-8')
})

test('a list of JSON and lines of JSON are the same records', () => {
  const rows = [{ a: 1, b: 'x' }, { a: null, c: [1] }]
  const list = readHead('x.json', JSON.stringify(rows), 'utf-8', true)
  const lines = readHead('x.ndjson', rows.map((row) => JSON.stringify(row)).join('\n'), 'utf-8', true)
  expect([list.columns, list.rows]).toEqual([['a', 'b', 'c'], [['1', 'x', ''], ['null', '', '[1]']]])
  expect(lines.rows).toEqual(list.rows)
  expect(readHead('x.json', `\ufeff${JSON.stringify(rows)}`, 'utf-16le', true).rows).toEqual(list.rows) // UTF-16 has a mark always
  // What is read of a large list is cut off anywhere.
  const cut = '[{"a": "}{", "b": {"c": [1]}}, {"a": "\\"}", "b": 2}, {"a": "ha'
  expect(readHead('x.json', cut, 'utf-8', false).rows).toEqual([['}{', '{"c":[1]}'], ['"}', '2']])
  expect(readHead('x.json', '[1, "x", []]', 'utf-8', true).columns).toEqual([])
})

test.each([
  [['2026-11-20', 'x', '12'], 'iso'],
  [['20.11.2026', '01.02.2026 09:15'], 'dmy'],
  [['01/02/2026', '11/20/2026 3:15 PM'], 'mdy'],
  [['01/02/2026'], 'mdy'],
  [['20/11/2026', '01/02/2026'], 'dmy'],
  [['1-2-2026'], 'dmy'],
  [['1.2.3.2026', '1.2.26'], 'iso'],
])('dates in %j are written %s', (values, dates) => expect(datesOf(values)).toBe(dates))

test('columns go into the fields that they are called like, each once', () => {
  const known = targets(people, byId)
  expect(known.map((one) => one.to)).toEqual(['id', 'email', 'code', 'firstName', 'team', 'team.name'])
  expect(guess(['E-Mail', 'first name', 'First_Name', 'team.name', 'other'], known).map((one) => one.to)).toEqual(['email', 'firstName', '', 'team.name', ''])
  expect(keys(people)).toEqual(['id', 'email', 'code'])
})

test('the server gets the names of fields, and others for what stays out', () => {
  const head = readHead('x.csv', 'a;b\n', 'utf-8', true)
  expect(header(head, [{ column: 'a', to: 'team.name' }, { column: 'b', to: '' }])).toBe('team.name;(left out 2)\n')
})

test('a new field has the type that its values have', () => {
  const values: [string[], string][] = [[['1', '2.5', ''], 'number'], [['007'], 'text'], [['true', 'FALSE'], 'bool'], [['2026-01-02', '2026-01-02 10:00:00Z'], 'date'], [['a@b.cc'], 'email'], [['https://x.y'], 'url'], [['{"a":1}'], 'json'], [['', ''], 'text']]
  for (const [list, type] of values) expect(typeOf(list)).toBe(type)
  expect(['Größe (cm)', '2nd', 'ok'].map(fieldName)).toEqual(['Gro_e_cm', 'column_2nd', 'ok'])
})

test('a cell is quoted where it has to be', () => expect([csvCell('a'), csvCell('a,b'), csvCell('say "x"')]).toEqual(['a', '"a,b"', '"say ""x"""']))
