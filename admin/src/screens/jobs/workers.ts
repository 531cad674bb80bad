/** Processes in words. */
export const STATES = {
  alive: { word: 'alive', edge: 'border-live' },
  dead: { word: 'dead', edge: 'border-danger text-danger' },
  ended: { word: 'ended', edge: 'border-line2' },
} as const

/** How long ago a time of the server was: `12 s ago`. A clock that goes ahead of ours says `just now`. */
export function ago(text: string, now: number): string {
  const seconds = Math.round((now - Date.parse(text.replace(' ', 'T'))) / 1000)
  if (Number.isNaN(seconds)) return ''
  if (seconds < 2) return 'just now'
  if (seconds < 120) return `${seconds} s ago`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`
}
