/** Three ways of one thing: as it was, as I have it, as they have it. What only one side changed is taken from that side. */
import { same } from '../../fields/value'

export type Merged<T> = { value: T; clash: boolean }

/** Where both have changed it, each in their own way, mine is taken for now and `clash` says so. */
export function merge<T>(base: T, mine: T, theirs: T): Merged<T> {
  if (same(mine, base)) return { value: theirs, clash: false }
  return { value: mine, clash: !same(theirs, base) && !same(theirs, mine) }
}

/** A set that both have added to and taken from: there is nothing to choose about. */
export function mergeSets(base: string[], mine: string[], theirs: string[]): string[] {
  const kept = theirs.filter((one) => mine.includes(one) || !base.includes(one))
  return [...kept, ...mine.filter((one) => !base.includes(one) && !kept.includes(one))]
}

/** One list in the order of the first: what only the second has follows what it follows there. */
export function weave(first: string[], second: string[]): string[] {
  const woven = [...first]
  second.forEach((one, at) => {
    if (!woven.includes(one)) woven.splice(at ? woven.indexOf(second[at - 1]!) + 1 : 0, 0, one)
  })
  return woven
}
