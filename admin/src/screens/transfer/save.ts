/** Saves what the server sends as a file, with a count of what has come. */
import { asking } from '../../api/client'

/** Raises an Error with the server's sentence, and one for a file that broke off. */
export async function saveStream(url: string, name: string, tell: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, { headers: asking(url.split('?')[0]!), credentials: 'same-origin', signal })
  if (!answer.ok || !answer.body) {
    const found = (await answer.json().catch(() => ({}))) as { message?: string }
    throw new Error(found.message ?? `The server answered ${answer.status}.`)
  }
  const parts: Uint8Array<ArrayBuffer>[] = []
  const reader = answer.body.getReader()
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      parts.push(value)
      bytes += value.length
      tell(bytes)
    }
  } catch (failure) {
    if (signal.aborted) throw failure
    throw new Error('The file broke off before its end: nothing was saved.')
  }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob(parts, { type: answer.headers.get('Content-Type') ?? '' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
