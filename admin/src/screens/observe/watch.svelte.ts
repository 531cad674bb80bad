/** What was measured since somebody began to look; it goes on while the console is open, seldom while nobody looks. */
import { line } from '../../api/client'
import { COARSE_MS, kept, parse, type Scrape } from './metrics'

const EVERY_MS = 3000

class Watch {
  scrapes = $state.raw<Scrape[]>([])
  failure = $state('')
  #watchers = 0
  #timer: ReturnType<typeof setInterval> | undefined

  /** Look from now on; gives what makes it seldom again. */
  start(): () => void {
    this.#watchers++
    void this.look()
    this.#timer ??= setInterval(() => void this.#turn(), EVERY_MS)
    return () => void this.#watchers--
  }

  #turn(): void {
    const last = this.scrapes.at(-1)
    if (this.#watchers > 0 || !last || Date.now() - last.at >= COARSE_MS) void this.look()
  }

  async look(): Promise<void> {
    if (document.hidden || !line.csrf) return
    try {
      const answer = await fetch('/metrics', { headers: { 'X-CSRF-Token': line.csrf }, credentials: 'same-origin' })
      if (answer.status === 401) line.onExpired()
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`)
      const samples = parse(await answer.text())
      this.scrapes = kept(this.scrapes, { at: Date.now(), samples })
      this.failure = ''
    } catch (failure) {
      this.failure = failure instanceof TypeError ? 'The server does not answer.' : (failure as Error).message
    }
  }
}

export const watch = new Watch()
