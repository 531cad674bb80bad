/** How the console looks for somebody: kept in the account, and in this browser, where the page reads it before its first paint. */
import { line, send } from '../api/client'

export type Theme = 'system' | 'light' | 'dark'
export type Preferences = { theme?: Theme; times?: 'local' | 'utc' }
const KEY = 'holdfast.theme'
const TIMES = 'holdfast.times'
const ORDER: Theme[] = ['system', 'light', 'dark']

class Look {
  theme = $state<Theme>((globalThis.localStorage?.getItem(KEY) as Theme | null) ?? 'system')
  /** Times are shown in UTC, and not as they are here. */
  utc = $state(globalThis.localStorage?.getItem(TIMES) === 'utc')

  set(theme: Theme): void {
    this.take({ theme })
    keep({ theme })
  }

  setTimes(times: 'local' | 'utc'): void {
    this.take({ times })
    keep({ times })
  }

  /** What was chosen here, or in another browser. What is not said stays. */
  take({ theme, times }: Preferences): void {
    if (theme) {
      this.theme = theme
      note(KEY, theme, 'system')
      if (theme === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = theme
    }
    if (times) {
      this.utc = times === 'utc'
      note(TIMES, times, 'local')
    }
  }

  next(): void {
    this.set(ORDER[(ORDER.indexOf(this.theme) + 1) % ORDER.length]!)
  }
}

function note(key: string, chosen: string, usual: string): void {
  if (chosen === usual) localStorage.removeItem(key)
  else localStorage.setItem(key, chosen)
}

/** Whether the account could keep it or not, this browser does. */
function keep(chosen: Preferences): void {
  if (line.csrf) void send('PUT', '/api/console/preferences', { body: chosen, quiet: true }).catch(() => undefined)
}

export const look = new Look()
