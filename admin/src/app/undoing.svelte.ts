/** The way back from the last plan that was applied without losses; it is a plan itself, and is reviewed like one. */
import type { Reverse } from '../screens/data/reverse'

class Undoing {
  /** Of the plan that was applied last, until the page is left. */
  last = $state.raw<Reverse | null>(null)
  /** That is being reviewed. */
  plan = $state.raw<Reverse | null>(null)

  begin(): void {
    this.plan = this.last
  }
}

export const undoing = new Undoing()
