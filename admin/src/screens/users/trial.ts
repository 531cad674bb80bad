/** A login at a provider in a window of its own: what comes back reaches this page over a line of its own. */
import { call, type Answer } from '../../api/client'

export type Trial = Answer<'/api/collections/{collection}/oauth2-trial', 'post'>
type Arrived = { state: string; code: string; error?: string }

/** A line to the server on which the provider's answer comes, and its id, which stands for the state. */
async function listen(signal: AbortSignal): Promise<{ id: string; arrived: Promise<Arrived> }> {
  const source = new EventSource('/api/realtime')
  signal.addEventListener('abort', () => source.close())
  const arrived = new Promise<Arrived>((resolve) => source.addEventListener('@oauth2', (event) => resolve(JSON.parse((event as MessageEvent<string>).data) as Arrived)))
  const id = await new Promise<string>((resolve, reject) => {
    source.addEventListener('PB_CONNECT', (event) => resolve((JSON.parse((event as MessageEvent<string>).data) as { clientId: string }).clientId))
    source.addEventListener('error', () => reject(new Error('The line to the server broke off.')))
  })
  const answer = await fetch('/api/realtime', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ clientId: id, subscriptions: ['@oauth2'] }), signal })
  if (!answer.ok) throw new Error(`The server does not listen for the provider: it answered ${answer.status}.`)
  return { id, arrived }
}

/** Send `popup` to the provider, and say what it says. The signal gives up. */
export async function tryProvider(collection: string, provider: string, redirect: string, popup: Window, signal: AbortSignal): Promise<Trial> {
  const params = { collection }
  const begun = await call('get', '/api/collections/{collection}/oauth2-trial', { params, query: { provider }, signal })
  const { id, arrived } = await listen(signal)
  const url = new URL(begun.authURL + encodeURIComponent(redirect))
  url.searchParams.set('state', id)
  popup.location.href = url.href
  const gone = new Promise<never>((_, reject) => {
    const watch = setInterval(() => {
      if (!popup.closed && !signal.aborted) return
      clearInterval(watch)
      // The window closes by itself when the answer has come, a moment before it is heard here.
      setTimeout(() => reject(new Error('The window was closed before the provider answered.')), 2000)
    }, 500)
  })
  const found = await Promise.race([arrived, gone])
  if (found.error || !found.code) throw new Error(`The provider says: ${found.error || 'no'}.`)
  return call('post', '/api/collections/{collection}/oauth2-trial', { params, body: { provider, code: found.code, codeVerifier: begun.codeVerifier, redirectURL: redirect }, signal })
}
