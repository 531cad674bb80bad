/** Access in plain words, and the rules that they stand for. */
import type { Collection, Field, Rule, RuleName } from '../api/types'

export type Access = 'superusers' | 'signed-in' | 'readable'
export const ACCESS: { id: Access; label: string; hint: string }[] = [
  { id: 'superusers', label: 'Only me for now', hint: 'Superusers, and keys that get a role.' },
  { id: 'signed-in', label: 'Whoever is signed in', hint: 'May read and write everything.' },
  { id: 'readable', label: 'Anyone may read', hint: 'And only superusers may write.' },
]
export const SIGNED_IN = '@request.auth.id != ""'

export function rulesFor(access: Access, type: Collection['type']): Record<RuleName, Rule> {
  const read = access === 'superusers' ? null : access === 'readable' ? '' : SIGNED_IN
  const write = access === 'signed-in' && type !== 'view' ? SIGNED_IN : null
  return { listRule: read, viewRule: read, createRule: write, updateRule: write, deleteRule: write }
}

export type Choice = 'nobody' | 'anyone' | 'signed-in' | 'owner' | 'role' | 'custom'
const ROLE = /^\s*@request\.auth\.roles\s*\?=\s*(['"])([^'"\\]+)\1\s*$/
const OWNER = /^\s*(\w+)\s*=\s*@request\.auth\.id\s*$/

/** Which of the plain choices a rule is. */
export function choiceOf(rule: Rule): Choice {
  if (rule === null) return 'nobody'
  if (rule.trim() === '') return 'anyone'
  if (rule.trim() === SIGNED_IN || rule.trim() === SIGNED_IN.replaceAll('"', "'")) return 'signed-in'
  if (ROLE.test(rule)) return 'role'
  return OWNER.test(rule) ? 'owner' : 'custom'
}

export const ownerField = (rule: Rule): string => OWNER.exec(rule ?? '')?.[1] ?? ''
export const roleName = (rule: Rule): string => ROLE.exec(rule ?? '')?.[2] ?? ''
export const roleRule = (name: string): string => `@request.auth.roles ?= ${JSON.stringify(name)}`
export const ownerRule = (field: string): string => `${field} = @request.auth.id`

/** Fields that can say whose a record is: relations to people who log in, and of such a person the id. */
export function ownerFields(collection: Collection, byId: (id: string) => Collection | undefined): string[] {
  const points = (field: Field): boolean => field.type === 'relation' && byId(String(field.collectionId))?.type === 'auth'
  return [...(collection.type === 'auth' ? ['id'] : []), ...collection.fields.filter(points).map((field) => field.name)]
}

export const RULE_NAMES: { name: RuleName; label: string; who: string }[] = [
  { name: 'listRule', label: 'List', who: 'Who may list records, and which of them.' },
  { name: 'viewRule', label: 'View', who: 'Who may read one record.' },
  { name: 'createRule', label: 'Create', who: 'Who may create one. Asked of the record as it would be.' },
  { name: 'updateRule', label: 'Update', who: 'Who may change one. Asked before and after the change.' },
  { name: 'deleteRule', label: 'Delete', who: 'Who may delete one.' },
]

export function ruleWords(rule: Rule): string {
  const choice = choiceOf(rule)
  if (choice === 'nobody') return 'Superusers only'
  if (choice === 'anyone') return 'Anyone'
  if (choice === 'signed-in') return 'Signed in'
  if (choice === 'role') return `Role: ${roleName(rule)}`
  return choice === 'owner' ? `Owner: ${ownerField(rule)}` : (rule ?? '')
}
