/** What an icon by itself means, in words beside it: on hover, and for keys. `Esc` and a press take it away. */
const WAIT_MS = 250
const GRACE_MS = 120 // to come from the icon onto its words
const BESIDE_PX = 8

/** `{@attach tip('Home')}`. Whoever has the page read out hears the label of the icon itself. */
export const tip = (text: string) => (icon: HTMLElement): (() => void) => {
  let words: HTMLElement | null = null
  let waiting: ReturnType<typeof setTimeout> | undefined

  function show(): void {
    clearTimeout(waiting)
    if (words) return
    words = document.createElement('div')
    words.className = 'fixed z-50 -translate-y-1/2 rounded-sm bg-ink px-2 py-1 text-xs text-bg'
    words.ariaHidden = 'true'
    words.textContent = text
    const at = icon.getBoundingClientRect()
    words.style.left = `${at.right + BESIDE_PX}px`
    words.style.top = `${at.top + at.height / 2}px`
    words.onmouseenter = () => clearTimeout(waiting)
    words.onmouseleave = hide
    document.body.append(words)
  }

  function hide(): void {
    clearTimeout(waiting)
    words?.remove()
    words = null
  }

  function later(run: () => void, ms: number): void {
    clearTimeout(waiting)
    waiting = setTimeout(run, ms)
  }

  const heard: Record<string, (event: Event) => void> = {
    mouseenter: () => later(show, WAIT_MS),
    mouseleave: () => later(hide, GRACE_MS),
    focus: () => icon.matches(':focus-visible') && show(),
    blur: hide,
    click: hide,
    keydown: (event) => (event as KeyboardEvent).key === 'Escape' && hide(),
  }
  for (const [name, run] of Object.entries(heard)) icon.addEventListener(name, run)
  return () => {
    hide()
    for (const [name, run] of Object.entries(heard)) icon.removeEventListener(name, run)
  }
}
