/** The beginning of a text, for a line. */
export const CELL_CHARS = 200

/** No more of a text than a line has room for; a sign that is made of two parts is not torn. */
export function cut(text: string): string {
  if (text.length <= CELL_CHARS) return text
  const last = text.charCodeAt(CELL_CHARS - 1)
  const torn = last >= 0xd800 && last <= 0xdbff
  return `${text.slice(0, torn ? CELL_CHARS - 1 : CELL_CHARS)}…`
}
