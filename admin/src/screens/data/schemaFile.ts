/** What was planned as a file, for `PUT /api/collections/import` and `holdfast schema push`. */
import type { Collection } from '../../api/types'

type Body = Record<string, unknown>
export type Planned = { method: 'POST' | 'PATCH' | 'PUT' | 'DELETE'; collection: string; body: Body }

/** The collections as they would be, whole: a server that has another version of them gets the same. Null is what a file cannot say. */
export function schemaFile({ method, collection, body }: Planned, collections: Collection[]): { name: string; text: string } | null {
  if (method === 'DELETE') return null
  const wanted = method === 'PUT' ? (body.collections as Body[]) : [method === 'PATCH' ? { id: collection, ...body } : body]
  const whole: Body[] = wanted.map((one) => {
    const now = collections.find(({ id, name }) => id === one.id || name === one.id)
    return now ? { ...now, ...one, id: now.id } : one
  })
  const name = whole.length === 1 ? String(whole[0]!.name) : 'collections'
  return { name: `${name}.json`, text: `${JSON.stringify({ collections: whole, deleteMissing: 'fields' }, null, 2)}\n` }
}
