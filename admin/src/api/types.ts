/** Collections, fields and records, as the API's reference describes them. */
export type FieldType =
  | 'text' | 'editor' | 'number' | 'bool' | 'email' | 'url' | 'date' | 'autodate' | 'select' | 'relation' | 'file'
  | 'json' | 'geoPoint' | 'password' | 'vector' | 'decimal'

export type Field = {
  id: string
  name: string
  type: FieldType
  system: boolean
  hidden: boolean
  presentable: boolean
  required: boolean
  help: string
  nullable: boolean
  unique: boolean
  default: unknown
  [option: string]: unknown
}

export type Rule = string | null
export const RULES = ['listRule', 'viewRule', 'createRule', 'updateRule', 'deleteRule'] as const
export type RuleName = (typeof RULES)[number]

export type Collection = {
  id: string
  name: string
  type: 'base' | 'auth' | 'view'
  system: boolean
  fields: Field[]
  indexes: string[]
  listRule: Rule
  viewRule: Rule
  createRule: Rule
  updateRule: Rule
  deleteRule: Rule
  events: boolean
  history: boolean
  historyDays: number
  searchable: string[]
  cacheTtl: number
  comment: string
  viewQuery?: string
  created: string
  updated: string
  [option: string]: unknown
}

export type Row = { id: string; expand?: Record<string, Row | Row[]>; [field: string]: unknown }
export type Page = { items: Row[]; nextCursor?: string | null; totalItems?: number; totalIsEstimate?: boolean }
export type PlanStep = { collection: string; action: string; sql: string; destroys: boolean; rewrites: boolean; locks: string; rows: number; field: string }
export type Held = { collection: string; bytes: number; rows: number; rewrites: boolean; locks: string }
export type Estimate = { secondsFrom: number; secondsTo: number; unsure: boolean; tables: Held[] }
export type Plan = { hash: string; steps: PlanStep[]; estimate: Estimate }
export type Break = { collection: string; field: string; what: string }
export type Dropped = {
  id: string; kind: 'collection' | 'field' | 'values'; collectionId: string; collectionName: string; fieldId: string
  fieldName: string; rows: number; bytes: number; dropped: string; expires: string
}
