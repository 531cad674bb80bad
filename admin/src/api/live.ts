/** The line on which the server tells of changes. It is read by fetch: an EventSource cannot send the page's own header. */
import { address, asking, line } from './client'

export type Change = { action: 'create' | 'update' | 'delete'; record: { id: string } }
export type Told = { onchange: (change: Change) => void; onreset: () => void; onstate: (state: 'live' | 'off') => void }
type Message = { event: string; id: string; data: string }
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000

/** Takes pieces of a stream and gives the messages that are whole. */
export class Messages {
  #rest = ''

  take(piece: string): Message[] {
    const blocks = (this.#rest + piece).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.map(read)
  }
}

function read(block: string): Message {
  const found: Message = { event: '', id: '', data: '' }
  for (const text of block.split('\n')) {
    const at = text.indexOf(':')
    const name = text.slice(0, at)
    if (name === 'event' || name === 'id' || name === 'data') found[name] += text.slice(at + 1)
  }
  return found
}

/** Hear of the changes to a collection until the answer is called. What was missed while the line was down comes first. */
export function listen(collection: string, told: Told): () => void {
  const stop = new AbortController()
  void keep(collection, told, stop.signal)
  return () => stop.abort()
}

async function keep(collection: string, told: Told, signal: AbortSignal): Promise<void> {
  const topic = `${collection}/*?options=${JSON.stringify({ query: { fields: 'id' } })}`
  let since = ''
  let wait = FIRST_WAIT_MS
  while (!signal.aborted) {
    try {
      since = await once(topic, since, told, signal, (id) => {
        since = id
        wait = FIRST_WAIT_MS
      })
    } catch {
      // The line is down, or the server away: try again, less and less often.
    }
    if (signal.aborted) return
    told.onstate('off')
    await new Promise((resolve) => setTimeout(resolve, wait))
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}

async function once(topic: string, since: string, told: Told, signal: AbortSignal, heard: (id: string) => void): Promise<string> {
  const query = { topics: topic, ...(since ? { since } : {}) }
  const answer = await fetch(address('/api/realtime', query), { headers: asking('/api/realtime'), signal, credentials: 'same-origin' }).catch((failure: unknown) => {
    if (!signal.aborted) line.onDone({ ms: 0, ok: false })
    throw failure
  })
  line.onDone({ ms: 0, ok: true })
  if (!answer.ok || !answer.body) throw new Error(`the line was refused: ${answer.status}`)
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  const messages = new Messages()
  for (let last = since; ; ) {
    const { done, value } = await reader.read()
    if (done) return last
    for (const message of messages.take(value)) {
      // The first message has the id of this line; all others have positions.
      if (message.id && message.event !== 'PB_CONNECT') heard((last = message.id))
      tell(message, told)
    }
  }
}

function tell(message: Message, told: Told): void {
  if (message.event === 'HF_READY') told.onstate('live')
  else if (message.event === 'HF_RESET') told.onreset()
  else if (message.event && message.event !== 'PB_CONNECT') told.onchange(JSON.parse(message.data) as Change)
}
