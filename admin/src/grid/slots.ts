/**
 * Which row each line of the page shows. A line whose row leaves the sight takes one that comes into it, so that
 * scrolling changes texts and makes no elements.
 */
export type Line = { slot: number; row: number }

/** The lines in the order of their rows, from the first that can be seen. */
export const inOrder = (first: number, lines: number): number[] => Array.from({ length: lines }, (_, at) => (first + at) % lines)

/** The rows from `first` to `last`, each at the line that it has as long as it can be seen. */
export function placed(order: readonly number[], first: number, last: number): Line[] {
  const lines = order.length
  return order.map((slot) => ({ slot, row: first + ((slot - (first % lines) + lines) % lines) })).filter(({ row }) => row < last)
}
