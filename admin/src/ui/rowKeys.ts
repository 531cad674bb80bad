/** A list of rows: down and up by `j` and `k` or the arrows, from one to the next; a click anywhere in a row opens it. Enter is the browser's own. */
import { shortcuts } from '../app/shortcuts.svelte'

const OWN = 'a, button, input, select, textarea, label, summary, [role]:not(tr, td, th)'

/** What a row is opened by, or the row itself. What does something at once looks like a button: no key leads there unasked. */
function mainOf(row: Element): HTMLElement {
  const found = row.querySelector<HTMLElement>('a[href], button:not(.btn, :disabled)')
  if (found) return found
  if (row instanceof HTMLElement) row.tabIndex = -1
  return row as HTMLElement
}

/** For the body of a table: `{@attach rowKeys('Users')}`. The scope is what the sheet of shortcuts calls it. */
export const rowKeys = (scope: string) => (body: HTMLElement): (() => void) => {
  function move(by: number): void {
    const rows = [...body.children]
    const at = rows.findIndex((row) => row.contains(document.activeElement))
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by]
    if (next) mainOf(next).focus()
  }

  function keydown(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const row = (event.target as Element).closest('tr')
    if (!by || !row || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.target !== mainOf(row)) return
    event.preventDefault()
    move(by)
  }

  // A row is one target: what stands in it and does something itself keeps its clicks, and who selects text opens nothing.
  function click(event: MouseEvent): void {
    const target = event.target as Element
    const row = target.closest('tr')
    if (!row || event.defaultPrevented || target.closest(OWN) || getSelection()?.isCollapsed === false) return
    const main = mainOf(row)
    if (main !== row) main.click()
  }

  body.classList.add('rows')
  body.addEventListener('keydown', keydown)
  body.addEventListener('click', click)
  const end = shortcuts.add([
    { id: `${scope} next`, keys: 'j', label: 'Next row', scope, run: () => move(1) },
    { id: `${scope} previous`, keys: 'k', label: 'Previous row', scope, run: () => move(-1) },
    { id: `${scope} open`, keys: 'Enter', label: 'Open the row', scope },
  ])
  return () => {
    body.removeEventListener('keydown', keydown)
    body.removeEventListener('click', click)
    end()
  }
}
