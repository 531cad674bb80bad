/** Tab-separated values, as spreadsheets copy and take them. */
export const quoted = (text: string): string => (/[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Lines of tab-separated values as spreadsheets copy them: a cell with a tab, a line or a quote in it is quoted. */
export function parseTsv(text: string): string[][] {
  const lines: string[][] = [[]]
  let cell = ''
  let inside = false
  const source = text.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  for (let at = 0; at < source.length; at++) {
    const sign = source[at]!
    if (inside && sign === '"' && source[at + 1] === '"') cell += source[++at]
    else if (sign === '"' && (inside || cell === '')) inside = !inside
    else if (!inside && (sign === '\t' || sign === '\n')) {
      lines.at(-1)!.push(cell)
      cell = ''
      if (sign === '\n') lines.push([])
    } else cell += sign
  }
  lines.at(-1)!.push(cell)
  return lines
}
