import { describe, expect, it } from 'vitest'
import { body, collectionName, fieldName, guesses, readCsv, readObjects } from '../src/screens/first/infer'
import { TEMPLATES, resolved } from '../src/screens/first/templates'

describe('a file of records', () => {
  it('is read with its quotes, delimiters and line ends', () => {
    const table = readCsv('name;note\r\n"Ann; ""A""";"two\nlines"\r\nBob;\r\n', true)
    expect(table).toMatchObject({ delimiter: ';', columns: ['name', 'note'], rows: [['Ann; "A"', 'two\nlines'], ['Bob', '']] })
    expect(readCsv('a,b\n1,2\n3,4\n5', false).rows).toEqual([['1', '2'], ['3', '4']])
    expect(() => readCsv('', true)).toThrow('empty')
    expect(() => readObjects([{ a: 1 }, 2])).toThrow('Record 2')
  })

  it.each([
    ['number', ['1', '-2', '30']], ['number', ['1.5', '2']], ['text', ['007', '42']], ['bool', ['true', 'false']], ['date', ['2027-01-31', '2027-01-31T09:15:00Z']],
    ['email', ['a@b.co']], ['url', ['https://example.com/a']], ['json', ['{"a":1}', '[1]']], ['text', ['1', 'two']], ['text', []], ['text', ['yes', 'no']],
  ])('has a column of %s for %j', (type, values) => {
    expect(guesses({ format: 'csv', delimiter: ',', columns: ['x'], rows: values.map((value) => [value]), headerBytes: 0 })[0]!.type).toBe(type)
  })

  it.each([['First Name', 'First_Name'], ['2nd', 'field_2nd'], ['id', 'source_id'], ['Größe (cm)', 'Gro_e_cm'], ['', 'field'], ['expand', 'source_expand'], ['hf_x', 'source_hf_x']])('calls the column %j %s', (column, name) => {
    expect(fieldName(column)).toBe(name)
  })

  it('gives no two fields one name, and a collection that of the file', () => {
    expect(guesses(readCsv('a b,a-b\n1,2', true)).map((one) => one.name)).toEqual(['a_b', 'a_b_2'])
    expect(collectionName('My Cities 2026.csv')).toBe('my_cities_2026')
  })

  it('goes out with the names of the fields, and without what nobody wants', async () => {
    const text = 'Full Name,x\nAnn,1\n'
    const table = readCsv(text, true)
    const columns = guesses(table)
    columns[1]!.kept = false
    expect(await body(new Blob([text]), table, columns, null).text()).toBe('Full_Name,-1\nAnn,1\n')
    const objects = [{ 'Full Name': 'Ann', x: 1 }, { x: 2 }]
    expect(await body(new Blob(), readObjects(objects), columns, objects).text()).toBe('{"Full_Name":"Ann"}\n{}')
  })
})

describe('a template', () => {
  it.each(TEMPLATES)('of $id points at collections that it makes before, and fills them in that order', ({ collections, samples }) => {
    const made: string[] = []
    for (const one of collections) {
      for (const field of one.fields.filter((found) => found.type === 'relation')) expect(made).toContain(field.collectionId)
      made.push(one.name)
    }
    expect(Object.keys(samples)).toEqual(made)
    for (const [name, rows] of Object.entries(samples)) {
      const fields = collections.find((one) => one.name === name)!.fields.map((field) => field.name)
      for (const row of rows) expect(fields).toEqual(expect.arrayContaining(Object.keys(row)))
    }
  })

  it('has references become ids', () => {
    expect(resolved({ a: '@posts.1', b: 'plain' }, { posts: ['x', 'y'] })).toEqual({ a: 'y', b: 'plain' })
  })
})
