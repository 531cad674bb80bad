/** The way back for records that were just deleted: their last versions make them again. */
import { recordsPath, said, send } from '../../api/client'
import type { Collection } from '../../api/types'
import { toasts, type Toast } from '../../app/toasts.svelte'

const MOST_UNDONE = 100 // one request for each

async function again(collection: Collection, id: string): Promise<void> {
  const base = recordsPath(collection.name, id)
  const { data } = await send<{ items: { version: number }[] }>('GET', `${base}/history`, { query: { perPage: 1 } })
  const last = data.items[0]
  if (last) await send('POST', `${base}/revert`, { body: { version: last.version } })
}

/** What a toast offers after a delete; nothing where no versions are kept, or they are too many for one by one. */
export function undelete(collection: Collection, ids: string[], ondone: () => void): Toast['action'] {
  if (!collection.history || ids.length > MOST_UNDONE) return undefined
  const run = async (): Promise<void> => {
    try {
      for (const id of ids) await again(collection, id)
      toasts.done(`Brought back ${ids.length} ${ids.length === 1 ? 'record' : 'records'}`)
    } catch (failure) {
      toasts.failed(`Not all could be brought back: ${said(failure)}`)
    }
    ondone()
  }
  return { label: 'Undo', run: () => void run() }
}
