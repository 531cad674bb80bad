/** Every shortcut in one list: it feeds the keys, the palette and the sheet that `?` shows. */
import { untrack } from 'svelte'

export type Shortcut = { id: string; keys: string; label: string; scope: string; run?: () => void }

const PREFIX_MS = 1000
const LETTERS = 'holdfast.letters'
const OWN = 'holdfast.keys'

function kept(): Record<string, string> {
  try {
    return JSON.parse(globalThis.localStorage?.getItem(OWN) ?? '{}') as Record<string, string>
  } catch {
    return {}
  }
}

class Shortcuts {
  #groups = $state.raw<Map<symbol, Shortcut[]>>(new Map())
  /** Whether single letters do something: who speaks to the machine, or rests a hand on it, turns them off. */
  letters = $state(globalThis.localStorage?.getItem(LETTERS) !== 'off')
  /** Keys that were chosen in place of the usual ones, by the id of the shortcut; empty is none. */
  own = $state.raw(kept())
  #pending = ''
  #since = 0

  get all(): Shortcut[] {
    return [...this.#groups.values()].flat().map((one) => (one.run && this.own[one.id] !== undefined ? { ...one, keys: this.own[one.id]! } : one))
  }

  /** Register; gives what takes them away again. */
  add(list: Shortcut[]): () => void {
    const key = Symbol()
    // Not tracked: who registers in an effect would run for ever.
    untrack(() => (this.#groups = new Map([...this.#groups, [key, list]])))
    return () => {
      const rest = new Map(untrack(() => this.#groups))
      rest.delete(key)
      this.#groups = rest
    }
  }

  useLetters(on: boolean): void {
    this.letters = on
    if (on) localStorage.removeItem(LETTERS)
    else localStorage.setItem(LETTERS, 'off')
  }

  /** Give a shortcut other keys, none by '', or the usual ones by null. */
  give(id: string, keys: string | null): void {
    const { [id]: _, ...rest } = this.own
    this.own = keys === null ? rest : { ...rest, [id]: keys }
    localStorage.setItem(OWN, JSON.stringify(this.own))
  }

  /** The keys that a shortcut has now, in place of its usual ones; empty where they are off. */
  keysOf(id: string, usual: string): string {
    const keys = this.own[id] ?? usual
    return this.letters || keys.split(' ')[0]!.length > 1 ? keys : ''
  }

  /** What these keys do already where the shortcut is. */
  taken(one: Shortcut, keys: string): Shortcut | undefined {
    return this.all.find((other) => other.id !== one.id && (other.keys === keys || (keys !== '' && other.keys.startsWith(`${keys} `))) && [other.scope, one.scope].some((scope) => scope === 'Everywhere' || other.scope === one.scope))
  }

  handle(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return
    const pressed = combination(event)
    if (!this.letters && pressed.length === 1) return
    // Letters are text while somebody types, and dialogs have their own keys.
    if (!pressed.includes('Ctrl') && (isTyping(event.target) || document.querySelector('[role=dialog],[role=menu]'))) return
    const now = performance.now()
    const sequence = this.#pending && now - this.#since < PREFIX_MS ? `${this.#pending} ${pressed}` : pressed
    const found = this.#find(sequence) ?? this.#find(pressed)
    this.#pending = found ? '' : pressed.length === 1 ? pressed : ''
    this.#since = now
    if (!found?.run) return
    event.preventDefault()
    found.run()
  }

  #find(keys: string): Shortcut | undefined {
    return this.all.findLast((one) => one.run && one.keys === keys)
  }
}

/** `Ctrl K`, `?`, `g`: as shortcuts are written. Command counts as Ctrl. */
export function combination(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const letter = event.key.length === 1
  const parts = []
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl')
  if (event.altKey) parts.push('Alt')
  if (event.shiftKey && (!letter || parts.length)) parts.push('Shift')
  parts.push(letter && parts.length ? event.key.toUpperCase() : event.key)
  return parts.join(' ')
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  const quiet = target instanceof HTMLInputElement && ['checkbox', 'radio', 'button'].includes(target.type)
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && !quiet)
}

export const shortcuts = new Shortcuts()
