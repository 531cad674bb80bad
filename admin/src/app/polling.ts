/** Looks again and again while somebody can see the page: later after a refusal, and as late as the server asks for. */
import { ApiError } from '../api/client'

const LONGEST_MS = 60_000

/** The pause before the next look, after so many that failed in a row. */
export function pause(everyMs: number, failed: number, retryAfter: number): number {
  const backoff = Math.min(everyMs * 2 ** failed, LONGEST_MS)
  return Math.max(backoff, retryAfter * 1000)
}

/** Begin to look; gives what ends it. `look` raises what went wrong. */
export function poll(everyMs: number, look: (signal: AbortSignal) => Promise<void>): () => void {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout>
  let failed = 0

  async function turn(): Promise<void> {
    let retryAfter = 0
    if (!document.hidden) {
      try {
        await look(stop.signal)
        failed = 0
      } catch (failure) {
        failed += 1
        retryAfter = failure instanceof ApiError ? failure.retryAfter : 0
      }
    }
    if (!stop.signal.aborted) timer = setTimeout(turn, pause(everyMs, failed, retryAfter))
  }

  timer = setTimeout(turn, everyMs)
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}
