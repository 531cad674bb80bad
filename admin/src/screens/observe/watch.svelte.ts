/** What was measured since somebody began to look; kept while the console is open, so that coming back loses nothing. */
import { line } from '../../api/client'
import { parse, type Scrape } from './metrics'

const EVERY_MS = 3000
const MOST = 600

class Watch {
  scrapes = $state.raw<Scrape[]>([])
  failure = $state('')
  #watchers = 0
  #timer: ReturnType<typeof setInterval> | undefined

  /** Look from now on; gives what stops it. */
  start(): () => void {
    if (this.#watchers++ === 0) {
      void this.look()
      this.#timer = setInterval(() => void this.look(), EVERY_MS)
    }
    return () => {
      if (--this.#watchers === 0) clearInterval(this.#timer)
    }
  }

  async look(): Promise<void> {
    if (document.hidden) return
    try {
      const answer = await fetch('/metrics', { headers: { 'X-CSRF-Token': line.csrf }, credentials: 'same-origin' })
      if (answer.status === 401) line.onExpired()
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`)
      this.scrapes = [...this.scrapes, { at: Date.now(), samples: parse(await answer.text()) }].slice(-MOST)
      this.failure = ''
    } catch (failure) {
      this.failure = failure instanceof TypeError ? 'The server does not answer.' : (failure as Error).message
    }
  }
}

export const watch = new Watch()
