/** A change of a collection as the audit log has it, line by line, and as a file. */
import { same } from '../../fields/value'
import type { Change } from '../data/changes'

type Parts = Record<string, unknown>
export type Entry = {
  id: string; at: string; action: string; outcome: string; request: string
  actor: { kind: string; collection: string; id: string; name: string; key: string }; target: { kind: string; id: string; name: string }
  before?: Parts | null; after?: Parts | null
}
type Named = { id?: string; name?: string; type?: string }

export const WORDS: Record<string, string> = {
  'collection.created': 'made', 'collection.updated': 'changed', 'collection.deleted': 'dropped', 'collection.restored': 'brought back', 'collection.truncated': 'emptied',
}
export const who = (one: Entry): string => [one.actor.kind, one.actor.name || one.actor.id || one.actor.key].filter(Boolean).join(' ')

const listed = (value: unknown): Named[] => (Array.isArray(value) ? value.filter((one): one is Named => typeof one === 'object' && one !== null) : [])
const text = (value: unknown): string => {
  const found = value === undefined || value === null ? 'nothing' : typeof value === 'string' ? (value === '' ? 'empty' : value) : JSON.stringify(value)
  return found.length > 300 ? `${found.slice(0, 300)}…` : found
}

/** The fields that came, went, have another name or are not what they were. */
function ofFields(before: Named[], after: Named[]): Change[] {
  const found = after.flatMap((now): Change[] => {
    const was = before.find((one) => one.id === now.id)
    if (!was) return [{ mark: '+', text: `${now.name} ${now.type}` }]
    const renamed: Change[] = was.name === now.name ? [] : [{ mark: '→', text: `${was.name} → ${now.name}` }]
    const keys = [...new Set([...Object.keys(was), ...Object.keys(now)])].filter((key) => key !== 'name' && !same((was as Parts)[key], (now as Parts)[key]))
    return [...renamed, ...keys.map((key): Change => ({ mark: '~', text: `${now.name}: ${key}: ${text((was as Parts)[key])} becomes ${text((now as Parts)[key])}` }))]
  })
  return [...found, ...before.filter((was) => !after.some((one) => one.id === was.id)).map((was): Change => ({ mark: '−', text: `${was.name} ${was.type}` }))]
}

/** What was changed. Of a collection that was made or dropped: its fields. */
export function changesOf(entry: Entry): Change[] {
  const [before, after] = [entry.before ?? {}, entry.after ?? {}]
  if (!entry.before || !entry.after) return ofFields(listed(before.fields), listed(after.fields))
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key): Change[] => {
    if (key === 'fields') return ofFields(listed(before.fields), listed(after.fields))
    if (key === 'name') return [{ mark: '→', text: `${text(before.name)} → ${text(after.name)}` }]
    return [{ mark: '~', text: `${key}: ${text(before[key])} becomes ${text(after[key])}` }]
  })
}

/** The change as a file: a collection that was made or dropped as an import takes it, and any other as what it was and became. */
export function fileOf(entry: Entry): { name: string; text: string } {
  const stamp = entry.at.slice(0, 19).replace(/\D/g, '')
  const whole = !entry.before || !entry.after ? (entry.after ?? entry.before) : null
  const content = whole?.fields
    ? { collections: [whole], deleteMissing: 'fields' }
    : { at: entry.at, action: entry.action, by: entry.actor, collection: entry.target, before: entry.before ?? null, after: entry.after ?? null }
  return { name: `${stamp}_${entry.action.replace('collection.', '')}_${entry.target.name || entry.target.id}.json`, text: `${JSON.stringify(content, null, 2)}\n` }
}
