/** What is not saved outlives a page that is loaded anew, in this tab. */

/** Keep it, or forget it where there is nothing. False where it is more than a browser keeps. */
export function keep(key: string, text: string): boolean {
  try {
    if (text) sessionStorage.setItem(key, text)
    else sessionStorage.removeItem(key)
    return true
  } catch {
    sessionStorage.removeItem(key)
    return false
  }
}

/** What was kept is given to `take`; what that cannot read is forgotten. */
export function restore(key: string, take: (text: string) => void): void {
  const text = sessionStorage.getItem(key)
  if (!text) return
  try {
    take(text)
  } catch {
    sessionStorage.removeItem(key)
  }
}
