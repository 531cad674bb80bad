/** Light, dark, or what the system says; the page reads the choice before its first paint. */
export type Theme = 'system' | 'light' | 'dark'
const KEY = 'holdfast.theme'
const ORDER: Theme[] = ['system', 'light', 'dark']

class Look {
  theme = $state<Theme>((localStorage.getItem(KEY) as Theme | null) ?? 'system')

  set(theme: Theme): void {
    this.theme = theme
    if (theme === 'system') {
      localStorage.removeItem(KEY)
      delete document.documentElement.dataset.theme
    } else {
      localStorage.setItem(KEY, theme)
      document.documentElement.dataset.theme = theme
    }
  }

  next(): void {
    this.set(ORDER[(ORDER.indexOf(this.theme) + 1) % ORDER.length]!)
  }
}

export const look = new Look()
