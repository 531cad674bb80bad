/** How much a collection has grown, in a few characters. */
import { grouped } from '../../fields/value'

type Size = { rows: number; exact: boolean; before: number | null; beforeExact: boolean }

/** `+12`, `~+1,200` where one of the numbers is an estimate, and nothing where none was kept or nothing came. */
export function growth(size: Size | undefined): string {
  if (!size || size.before === null || size.rows === size.before) return ''
  const came = size.rows - size.before
  return `${size.exact && size.beforeExact ? '' : '~'}${came < 0 ? '−' : '+'}${grouped(Math.abs(came))}`
}
