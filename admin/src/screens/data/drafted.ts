/** All that waits to be applied, as one request: the drafts of every collection, and what they would change in words. */
import { ApiError, type Problems } from '../../api/client'
import type { Collection } from '../../api/types'
import { NEW, drafts } from '../../app/drafts.svelte'
import { changesBetween, type Change } from './changes'
import { Draft } from './draft.svelte'

/** Why a draft is not applied: the collection is gone or it would undo what was done since, or something of it is to be chosen. */
export type Held = '' | 'gone' | 'stale' | 'undecided'
export type Drafted = { id: string; name: string; path: string; isNew: boolean; held: Held; changes: Change[]; body: Record<string, unknown> }
/** A collection that is to be made, and what was chosen for it. */
export type Fresh = { access: string; body: { name: string; type: Collection['type']; fields?: Collection['fields']; viewQuery?: string } }

export function drafted(collections: Collection[]): Drafted[] {
  return drafts.ids.map((id) => (id.startsWith(NEW) ? fresh(id) : changed(id, collections.find((one) => one.id === id)))).filter((one) => one !== null)
}

export function readFresh(name: string): Fresh | null {
  try {
    return JSON.parse(drafts.read(NEW + name)) as Fresh
  } catch {
    return null
  }
}

function fresh(id: string): Drafted | null {
  const name = id.slice(NEW.length)
  const kept = readFresh(name)
  if (!kept) return null
  const changes: Change[] = [{ mark: '+', text: `${name}, a ${kept.body.type} collection` }, ...(kept.body.fields ?? []).map((field): Change => ({ mark: '+', text: `${field.name} ${field.type}` }))]
  return { id, name, path: `/data/_/new?draft=${encodeURIComponent(name)}`, isNew: true, held: '', changes, body: kept.body }
}

function changed(id: string, collection: Collection | undefined): Drafted {
  if (!collection) return { id, name: 'a collection that is gone', path: '', isNew: false, held: 'gone', changes: [], body: {} }
  const draft = new Draft(collection)
  const path = `/data/${collection.name}/schema`
  const held = draft.stale ? 'stale' : draft.undecided ? 'undecided' : ''
  return { id, name: collection.name, path, isNew: false, held, changes: draft.stale ? [] : changesOf(draft), body: { id, ...draft.body } }
}

/** What a draft would change, line by line. */
export const changesOf = (draft: Draft): Change[] => changesBetween({ fields: draft.base.fields, rest: draft.base }, draft)

/** Those that can be applied as they are. */
export const ready = (list: Drafted[]): Drafted[] => list.filter((one) => !one.held)

/** The request of all of them: fields that are left out go, other collections stay. */
export const together = (list: Drafted[]): Record<string, unknown> => ({ collections: ready(list).map((one) => one.body), deleteMissing: 'fields' })

/** What a refusal of all of them says of one, as if it had been asked for alone. */
export function refusalOf(failure: ApiError, list: Drafted[], id: string): ApiError {
  const at = ready(list).findIndex((one) => one.id === id)
  const own = (failure.data.collections as Problems | undefined)?.[String(at)]
  return new ApiError(failure.status, failure.code, failure.message, own && typeof own === 'object' ? (own as Problems) : {}, failure.requestId)
}
