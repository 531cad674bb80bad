import { describe, expect, test } from 'vitest'
import { cronWords } from '../src/screens/jobs/cron'
import { attempts, stateOf, took } from '../src/screens/jobs/jobs'
import { ordered, stateOf as pluginState } from '../src/screens/plugins/plugins'
import { initial, missing, partsOf, shapeOf, titleOf, words, type Schema } from '../src/screens/plugins/shape'

test.each([
  ['30 3 * * *', 'at 03:30 every day'], ['0 9,17 * * *', 'at 09:00 and 17:00 every day'], ['0 * * * *', 'every hour'], ['@hourly', 'every hour'], ['5 * * * *', 'every hour at minute 5'], ['*/15 * * * *', 'every 15 minutes'],
  ['* * * * *', 'every minute'], ['0 */6 * * *', 'every 6 hours at minute 0'], ['0 8 * * 1-5', 'at 08:00 from Monday to Friday'], ['0 8 * * MON,FRI', 'at 08:00 on Monday and Friday'],
  ['@weekly', 'at 00:00 on Sunday'], ['0 0 1 * *', 'at 00:00 on day 1 of the month'], ['0 0 L * *', 'at 00:00 on the last day of the month'], ['0 0 1 1 *', '0 0 1 1 *'], ['1-5 * * * *', '1-5 * * * *'], ['0 8 * * MON#2', '0 8 * * MON#2'], ['nonsense', 'nonsense'],
])('%s is %s', (expression, text) => expect(cronWords(expression)).toBe(text))

test('a job that failed and waits is to be tried again', () => {
  expect(stateOf({ state: 'waiting', attempts: 0 }).word).toBe('waiting')
  expect(stateOf({ state: 'waiting', attempts: 2 }).word).toBe('to be tried again')
  expect(attempts({ attempts: 2, maxAttempts: 10 })).toBe('2/10')
  expect(attempts({ attempts: 2, maxAttempts: 0 })).toBe('2')
  expect(took({ started: '2026-11-21 12:00:00.000Z', finished: '2026-11-21 12:00:00.250Z' })).toBe('250 ms')
  expect(took({ started: '2026-11-21 12:00:00.000Z', finished: '' })).toBe('')
})

test('plugins stand in the order of their calls, those that are off last', () => {
  const list = [{ name: 'c', enabled: false, priority: 1 }, { name: 'b', enabled: true, priority: 5 }, { name: 'a', enabled: true, priority: 5 }, { name: 'z', enabled: true, priority: 1 }]
  expect(ordered(list).map((one) => one.name)).toEqual(['z', 'a', 'b', 'c'])
  expect(pluginState({ enabled: true, active: false, error: 'no' }).word).toBe('did not start')
  expect(pluginState({ enabled: true, active: true, error: 'no' }).word).toBe('on, with a fault')
})

const RETENTION: Schema = {
  $ref: '#/$defs/Settings',
  $defs: {
    Settings: { title: 'Settings', description: 'The policies.', type: 'object', properties: { policies: { type: 'array', items: { $ref: '#/$defs/Policy' }, default: [] }, dry_run: { type: 'boolean', default: false } }, required: [] },
    Policy: {
      title: 'Policy', description: 'How long\n    records are kept.\n\n    Then they go.', type: 'object', required: ['collection', 'days'],
      properties: { collection: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 36_500 }, action: { enum: ['anonymise', 'delete'], default: 'delete' }, set: { type: 'object', default: {} }, most: { anyOf: [{ type: 'integer' }, { type: 'null' }], default: null } },
    },
  },
}

describe('a schema becomes a form', () => {
  const { about, parts } = partsOf(RETENTION)

  test('of the parts of the struct, with its words', () => {
    expect(about).toBe('The policies.')
    expect(parts.map((part) => [part.label, part.shape.kind])).toEqual([['Policies', 'list'], ['Dry run', 'bool']])
  })
  test('with structs in lists, their limits and choices', () => {
    const list = parts[0]!.shape
    if (list.kind !== 'list' || list.item.kind !== 'parts') throw new Error('no list of structs')
    expect(list.item.about).toBe('How long records are kept.\n\nThen they go.')
    expect(Object.fromEntries(list.item.parts.map((part) => [part.name, part.shape]))).toEqual({
      collection: { kind: 'text', secret: false, long: false, most: 0, example: '' }, days: { kind: 'number', whole: true, least: 1, most: 36_500 },
      action: { kind: 'choice', values: ['anonymise', 'delete'] }, set: { kind: 'json' }, most: { kind: 'maybe', of: { kind: 'number', whole: true, least: null, most: null } },
    })
    expect(initial(list.item)).toEqual({ collection: '', days: 1, action: 'delete', set: {}, most: null })
  })
  test('a struct that holds itself ends as JSON', () => {
    const tree: Schema = { type: 'object', properties: { below: { $ref: '#/$defs/Tree' } } }
    expect(JSON.stringify(shapeOf({ $ref: '#/$defs/Tree' }, { Tree: tree }, 0))).toContain('"json"')
  })
  test.each<[Schema, string]>([
    [{ type: 'string', format: 'password' }, 'text'], [{ type: 'object', additionalProperties: { type: 'integer' } }, 'map'], [{ anyOf: [{ type: 'string' }, { type: 'integer' }] }, 'json'],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: false }, 'json'], [{}, 'json'], [{ $ref: '#/$defs/Gone' }, 'json'], [{ enum: [null, 'a'] }, 'json'],
  ])('%j is %s', (schema, kind) => expect(shapeOf(schema, {}, 0).kind).toBe(kind))
})

test('names are written as people write them', () => expect([words('on_update'), words('dryRun'), words('most')]).toEqual(['On update', 'Dry run', 'Most']))
test('an item is called by its first text', () => expect([titleOf({ days: 5, collection: 'posts' }, 0), titleOf({}, 1)]).toEqual(['posts', '2']))

test('a text that is needed and empty is found wherever it is', () => {
  const text = { type: 'string' }
  const item: Schema = { type: 'object', properties: { to: text, note: { ...text, default: '' } }, required: ['to'] }
  const schema: Schema = { type: 'object', properties: { name: text, many: { type: 'array', items: item }, one: { anyOf: [item, { type: 'null' }] }, size: { type: 'integer' } }, required: ['name', 'size'] }
  const shape = shapeOf(schema, {}, 0)
  expect(missing(shape, { name: '', many: [{ to: 'a', note: '' }, { to: '' }], one: null, size: 0 }, '')).toEqual(['name', 'many.1.to'])
  expect(missing(shape, { name: 'a', many: [], one: { to: '' }, size: 0 }, '')).toEqual(['one.to'])
})
