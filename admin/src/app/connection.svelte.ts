/** Whether the server answers, and whether it still has the build of the console that this page came with. */
const FIRST_WAIT_S = 4
const LONGEST_WAIT_S = 30
const LOOK_MS = 300_000

/** The build that stands in the addresses of its files; empty where there is none, as under `npm run dev`. */
export const digestOf = (text: string): string => /\/_\/a\/([0-9a-f]{8,64})\//.exec(text)?.[1] ?? ''

class Connection {
  online = $state(true)
  /** Seconds until the next try, while there is no answer. */
  wait = $state(0)
  /** Another number each time that the server answers again: what could not be read can be by now. */
  returns = $state(0)
  /** The server has another build than this page. */
  outdated = $state(false)
  /** The page is about to be loaded anew, with all that is not saved: nobody has to be asked. */
  reloading = false
  #own = digestOf(import.meta.url)
  #pause = FIRST_WAIT_S
  #ticking: ReturnType<typeof setInterval> | undefined

  /** Look now and then, and when the browser tells of its network. Gives what ends it. */
  start(): () => void {
    const stop = new AbortController()
    const { signal } = stop
    const back = (): void => void (document.hidden || !this.online || this.look())
    addEventListener('offline', () => this.heard(false), { signal })
    addEventListener('online', () => void this.look(), { signal })
    document.addEventListener('visibilitychange', back, { signal })
    const looking = setInterval(back, LOOK_MS)
    return () => {
      stop.abort()
      clearInterval(looking)
      clearInterval(this.#ticking)
    }
  }

  /** A request was answered, or was not. */
  heard(answered: boolean): void {
    if (answered === this.online) return
    this.online = answered
    clearInterval(this.#ticking)
    this.wait = 0
    if (!answered) return this.#count()
    this.#pause = FIRST_WAIT_S
    this.returns++
    void this.look() // It may have been away to become another one.
  }

  #count(): void {
    this.wait = this.#pause
    this.#ticking = setInterval(() => {
      this.wait = Math.max(0, this.wait - 1)
      if (this.wait) return
      clearInterval(this.#ticking)
      void this.look()
    }, 1000)
  }

  /** Ask for the page itself, which needs neither a session nor the database: it names the build that is there now. */
  async look(): Promise<void> {
    try {
      const answer = await fetch('/_/', { cache: 'no-store', credentials: 'same-origin' })
      const found = answer.ok ? digestOf(await answer.text()) : ''
      this.outdated = Boolean(this.#own && found) && found !== this.#own
      this.heard(true)
    } catch {
      if (this.online) return this.heard(false)
      this.#pause = Math.min(this.#pause * 2, LONGEST_WAIT_S)
      this.#count()
    }
  }

  reload(): void {
    this.reloading = true
    location.reload()
  }
}

export const connection = new Connection()
