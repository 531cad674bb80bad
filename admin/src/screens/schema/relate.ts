/** Relations that are drawn in the diagram: they wait in the draft of the collection that they begin at. */
import type { Collection } from '../../api/types'
import { drafts } from '../../app/drafts.svelte'
import { newField } from '../../fields/kinds'
import { Draft } from '../data/draft.svelte'

/** A relation that is not applied yet. */
export type Waiting = { from: string; to: string; name: string }

/** Whether a relation can begin here: views have no fields of their own, and the system's are not changed. */
export const mayRelate = (from: Collection): boolean => from.type !== 'view' && !from.system
/** Whether it can lead there: it is kept whole by a table. */
export const mayLead = (to: Collection): boolean => to.type !== 'view'

/** Adds a relation to the draft of a collection; returns the name of its field. */
export function relate(from: Collection, to: Collection): string {
  const draft = new Draft(from)
  const taken = new Set(draft.fields.map((field) => field.name.toLowerCase()))
  let name = to.name
  for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${to.name}${number}`
  draft.add({ ...newField('relation', name), collectionId: to.id })
  draft.save()
  return name
}

/** The relations that wait in the drafts of these collections. */
export function waiting(collections: Collection[]): Waiting[] {
  return collections.filter((one) => drafts.ids.includes(one.id)).flatMap((from) =>
    new Draft(from).fields.filter((field) => !field.id && field.type === 'relation').flatMap((field): Waiting[] => {
      const to = collections.find((one) => one.id === field.collectionId || one.name === field.collectionId)
      return to ? [{ from: from.id, to: to.id, name: field.name }] : []
    }),
  )
}
