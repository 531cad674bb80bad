/** A file that goes to the server in pieces (tus 1.0): it waits, and goes on behind what has come when the line is back. */
import { ApiError, send } from '../../api/client'

export const PIECE_BYTES = 4 * 1024 * 1024
const UPLOADS = '/api/files/uploads'
const TUS = { 'Tus-Resumable': '1.0.0' }
const FIRST_WAIT_MS = 500
const MOST_WAIT_MS = 10_000

// No answer, somebody else was faster, a session that has ended, a server that is busy or away: it comes to an end by itself.
const PASSING = [0, 401, 409, 429, 502, 503, 504]
const passes = (failure: unknown): boolean => (failure instanceof ApiError ? PASSING.includes(failure.status) : failure instanceof DOMException && failure.name === 'AbortError')

const pair = (key: string, value: string): string => `${key} ${btoa(String.fromCharCode(...new TextEncoder().encode(value)))}`
const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

export class Sending {
  sent = $state(0)
  paused = $state(false)
  /** The line is broken, or the server is away: it is tried again by itself. */
  waiting = $state(false)
  #id = ''
  #given = false
  #stop = new AbortController()
  #goOn = (): void => {}

  constructor(
    readonly file: Blob,
    readonly collection: string,
    readonly name: string,
  ) {}

  /** Sends what is left; the id of the upload then. Raises ApiError for what does not pass, and AbortError when it is given up. */
  async whole(): Promise<string> {
    for (let ms = FIRST_WAIT_MS; ; ) {
      const before = this.sent
      try {
        await this.#pieces()
        return this.#id
      } catch (failure) {
        if (this.#given || !passes(failure)) throw failure
      }
      if (this.sent > before) ms = FIRST_WAIT_MS
      if (this.paused) await new Promise<void>((done) => (this.#goOn = done))
      else {
        this.waiting = true
        await wait(ms)
        this.waiting = false
        ms = Math.min(ms * 2, MOST_WAIT_MS)
      }
    }
  }

  async #pieces(): Promise<void> {
    const signal = this.#stop.signal
    if (this.#id) this.sent = (await send<{ offset: number }>('GET', `${UPLOADS}/${this.#id}`, { signal })).data.offset
    else {
      const metadata = [pair('collection', this.collection), pair('purpose', 'import'), pair('filename', this.name)].join(',')
      this.#id = (await send<{ id: string }>('POST', UPLOADS, { headers: { ...TUS, 'Upload-Length': String(this.file.size), 'Upload-Metadata': metadata }, signal })).data.id
    }
    while (this.sent < this.file.size) {
      const piece = this.file.slice(this.sent, this.sent + PIECE_BYTES)
      await send('PATCH', `${UPLOADS}/${this.#id}`, { file: piece, headers: { ...TUS, 'Upload-Offset': String(this.sent), 'Content-Type': 'application/offset+octet-stream' }, signal })
      this.sent += piece.size
    }
  }

  /** What is on its way is broken off: the server says how much of it has come. */
  pause(): void {
    this.paused = true
    this.#stop.abort()
  }

  resume(): void {
    this.paused = false
    this.#stop = new AbortController()
    this.#goOn()
  }

  async giveUp(): Promise<void> {
    this.#given = true
    this.paused = false
    this.#stop.abort()
    this.#goOn()
    if (this.#id) await send('DELETE', `${UPLOADS}/${this.#id}`, { headers: TUS }).catch(() => {})
  }
}
