/** A JSON schema, as msgspec makes it of a struct, as the shape of a form. What no form can be made of is written as JSON. */
export type Schema = {
  $ref?: string; $defs?: Record<string, Schema>; type?: string | string[]; enum?: unknown[]; const?: unknown; anyOf?: Schema[]; items?: Schema | boolean; prefixItems?: Schema[]
  properties?: Record<string, Schema>; required?: string[]; additionalProperties?: Schema | boolean; title?: string; description?: string; default?: unknown; examples?: unknown[]
  minimum?: number; maximum?: number; exclusiveMinimum?: number; exclusiveMaximum?: number; minLength?: number; maxLength?: number; maxItems?: number; pattern?: string; format?: string
}
export type Part = { name: string; label: string; about: string; required: boolean; shape: Shape; fallback: unknown }
export type Shape =
  | { kind: 'text'; secret: boolean; long: boolean; most: number; example: string }
  | { kind: 'number'; whole: boolean; least: number | null; most: number | null }
  | { kind: 'bool' }
  | { kind: 'choice'; values: (string | number)[] }
  | { kind: 'list'; item: Shape; title: string }
  | { kind: 'parts'; parts: Part[]; about: string }
  | { kind: 'map'; value: Shape }
  | { kind: 'maybe'; of: Shape }
  | { kind: 'json' }

type Defs = Record<string, Schema>
const DEEPEST = 8

/** The parts of the settings. */
export function partsOf(schema: Schema): { about: string; parts: Part[] } {
  const shape = shapeOf(schema, schema.$defs ?? {}, 0)
  return shape.kind === 'parts' ? shape : { about: '', parts: [] }
}

export function shapeOf(given: Schema, defs: Defs, depth: number): Shape {
  const schema = resolved(given, defs)
  if (depth > DEEPEST) return { kind: 'json' }
  if (schema.anyOf) return ofSeveral(schema.anyOf, defs, depth)
  if (Array.isArray(schema.type)) return ofSeveral(schema.type.map((type) => ({ ...schema, type })), defs, depth)
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  if (values) return values.every((one) => typeof one === 'string' || typeof one === 'number') ? { kind: 'choice', values: values as (string | number)[] } : { kind: 'json' }
  switch (schema.type) {
    case 'string':
      return { kind: 'text', secret: schema.format === 'password', long: (schema.maxLength ?? 0) > 300, most: schema.maxLength ?? 0, example: typeof schema.examples?.[0] === 'string' ? schema.examples[0] : '' }
    case 'integer':
    case 'number':
      return { kind: 'number', whole: schema.type === 'integer', least: schema.minimum ?? schema.exclusiveMinimum ?? null, most: schema.maximum ?? schema.exclusiveMaximum ?? null }
    case 'boolean':
      return { kind: 'bool' }
    case 'array':
      return schema.items && typeof schema.items === 'object' ? { kind: 'list', item: shapeOf(schema.items, defs, depth + 1), title: resolved(schema.items, defs).title ?? '' } : { kind: 'json' }
    case 'object':
      return ofObject(schema, defs, depth)
    default:
      return { kind: 'json' }
  }
}

/** A reference with what stands beside it, which says more about this use of it. */
function resolved(schema: Schema, defs: Defs): Schema {
  if (!schema.$ref) return schema
  const { $ref, ...beside } = schema
  const found = defs[$ref.slice($ref.lastIndexOf('/') + 1)]
  return found ? { ...resolved(found, defs), ...beside } : beside
}

function ofSeveral(list: Schema[], defs: Defs, depth: number): Shape {
  const rest = list.filter((one) => resolved(one, defs).type !== 'null')
  if (rest.length !== 1) return { kind: 'json' }
  const of = shapeOf(rest[0]!, defs, depth + 1)
  return rest.length === list.length || of.kind === 'json' ? of : { kind: 'maybe', of }
}

function ofObject(schema: Schema, defs: Defs, depth: number): Shape {
  if (schema.properties) {
    const parts = Object.entries(schema.properties).map(([name, given]): Part => {
      const found = resolved(given, defs)
      const shape = shapeOf(given, defs, depth + 1)
      // The words of a struct are about all of it: they stand in its own frame.
      const about = given.description ?? (shape.kind === 'parts' || given.$ref ? '' : (found.description ?? ''))
      return { name, label: given.title ?? words(name), about: flat(about), required: schema.required?.includes(name) ?? false, shape, fallback: 'default' in given ? given.default : initial(shape) }
    })
    return { kind: 'parts', parts, about: flat(schema.description ?? '') }
  }
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object') return { kind: 'map', value: shapeOf(schema.additionalProperties, defs, depth + 1) }
  return { kind: 'json' }
}

/** Where a text that is needed is empty: paths as the server writes them, `redirects.0.to`. */
export function missing(shape: Shape, value: unknown, path: string): string[] {
  const at = (name: string | number): string => (path ? `${path}.${name}` : `${name}`)
  if (shape.kind === 'maybe') return value === null || value === undefined ? [] : missing(shape.of, value, path)
  if (shape.kind === 'list') return Array.isArray(value) ? value.flatMap((one, index) => missing(shape.item, one, at(index))) : []
  if (typeof value !== 'object' || value === null) return []
  const record = value as Record<string, unknown>
  if (shape.kind === 'map') return Object.entries(record).flatMap(([name, one]) => missing(shape.value, one, at(name)))
  if (shape.kind !== 'parts') return []
  return shape.parts.flatMap((part) => (part.required && part.shape.kind === 'text' && !record[part.name] ? [at(part.name)] : missing(part.shape, record[part.name], at(part.name))))
}

/** What a new one of this shape begins with. */
export function initial(shape: Shape): unknown {
  switch (shape.kind) {
    case 'text':
      return ''
    case 'number':
      return shape.least !== null && shape.least > 0 ? shape.least : 0
    case 'bool':
      return false
    case 'choice':
      return shape.values[0]
    case 'list':
      return []
    case 'parts':
      return Object.fromEntries(shape.parts.map((part) => [part.name, structuredClone(part.fallback)]))
    case 'map':
      return {}
    default:
      return null
  }
}

/** `on_update` and `dryRun` as people write them. */
export function words(name: string): string {
  const text = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase()
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** A docstring without the line breaks of its source; its paragraphs stay. */
const flat = (text: string): string => text.split(/\n\s*\n/).map((part) => part.replace(/\s+/g, ' ').trim()).join('\n\n')

/** What an item of a list is called in its head: the first text in it. */
export function titleOf(value: unknown, at: number): string {
  const texts = value && typeof value === 'object' ? Object.values(value).filter((one): one is string => typeof one === 'string' && one !== '') : []
  return texts[0] ?? `${at + 1}`
}
