/** Folders of collections in the sidebar: each change is made to what is on the server now, so that nobody's is lost. */
import { ApiError, send } from '../api/client'
import { session, type Folder } from './session.svelte'

type Change = (now: Folder[]) => Folder[]
const PATH = '/api/console/layouts/folders'
const MOST_TRIES = 5

/** Make a change; where somebody else was faster, it is made to theirs. */
export async function changeFolders(make: Change): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { data, etag } = await send<{ folders: Folder[] }>('GET', PATH)
    try {
      const kept = await send<{ folders: Folder[] }>('PUT', PATH, { body: { folders: make(data.folders) }, headers: { 'If-Match': etag } })
      session.folders = kept.data.folders
      return
    } catch (failure) {
      session.folders = data.folders
      if (!(failure instanceof ApiError) || failure.status !== 412 || tries === MOST_TRIES) throw failure
    }
  }
}

const without = (now: Folder[], collections: string[]): Folder[] => now.map((one) => ({ ...one, collections: one.collections.filter((id) => !collections.includes(id)) }))

function required(now: Folder[], id: string): Folder {
  const found = now.find((one) => one.id === id)
  if (!found) throw new Error('Somebody has removed this folder meanwhile.')
  return found
}

/** Put a collection into a folder, and out of any other. */
export const putInto = (folder: string, collection: string): Change => (now) => {
  required(now, folder)
  return without(now, [collection]).map((one) => (one.id === folder ? { ...one, collections: [...one.collections, collection] } : one))
}

export const takeOut = (collection: string): Change => (now) => without(now, [collection])

/** A new folder behind the others, with collections in it or without. */
export const addFolder = (made: Folder): Change => (now) => [...without(now, made.collections), made]

export const renameFolder = (id: string, name: string): Change => (now) => {
  required(now, id)
  return now.map((one) => (one.id === id ? { ...one, name } : one))
}

/** One place up (-1) or down (1), as far as there is one. */
export const moveFolder = (id: string, by: -1 | 1): Change => (now) => {
  const at = now.indexOf(required(now, id))
  const [here, there] = [now[at]!, now[at + by]]
  return there ? now.with(at, there).with(at + by, here) : now
}

/** Its collections stay, in no folder. */
export const removeFolder = (id: string): Change => (now) => now.filter((one) => one.id !== id)

/** A folder that was removed, at its place; what somebody has put elsewhere meanwhile stays there. */
export const bringBack = (gone: Folder, at: number): Change => (now) => {
  const elsewhere = new Set(now.flatMap((one) => one.collections))
  return now.toSpliced(at, 0, { ...gone, collections: gone.collections.filter((id) => !elsewhere.has(id)) })
}
