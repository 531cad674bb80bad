/** What a page of a plugin may ask the console for, by messages over a channel that it alone has. */
import { ApiError, send } from '../../api/client'
import { router } from '../../app/router.svelte'
import { session } from '../../app/session.svelte'
import { toasts } from '../../app/toasts.svelte'
import { isGranted } from './granted'

const MOST_WORDS = 200
type Asked = { id?: unknown; call?: unknown; method?: unknown; path?: unknown; body?: unknown; text?: unknown; collection?: unknown; record?: unknown }
export type Answer = { id: unknown; status: number; data?: unknown; error?: string }

/** Does what a message asks for; null where nothing is to be answered. */
export async function answer(may: string[], message: unknown): Promise<Answer | null> {
  const asked = (typeof message === 'object' && message !== null ? message : {}) as Asked
  if (asked.call === 'api') return { id: asked.id, ...(await callApi(may, String(asked.method).toUpperCase(), String(asked.path), asked.body)) }
  if (asked.call === 'toast' && typeof asked.text === 'string') toasts.done(asked.text.slice(0, MOST_WORDS))
  const collection = asked.call === 'open' ? session.byName(String(asked.collection)) : undefined
  if (collection) void router.go(`/data/${collection.name}${asked.record === undefined ? '' : `?record=${encodeURIComponent(String(asked.record))}`}`)
  return null
}

async function callApi(may: string[], method: string, path: string, body: unknown): Promise<Omit<Answer, 'id'>> {
  if (!isGranted(may, method, path)) return { status: 403, error: `The page may not call ${method} ${path}: its plugin does not say so.` }
  try {
    // What asks for a password of late is nothing that a page may have somebody answer.
    return { status: 200, data: (await send<unknown>(method, path, { ...(body === undefined ? {} : { body }), proved: true })).data }
  } catch (failure) {
    return failure instanceof ApiError ? { status: failure.status, error: failure.message, data: failure.body } : { status: 0, error: 'It failed.' }
  }
}
