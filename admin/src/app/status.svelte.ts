/** What the status strip says of the screen that is open. Every number in it is true now. */
class Status {
  rows = $state('')
  cursor = $state(0)
  selected = $state(0)
  /** Whether changes of others come in as they happen: live, paused, busy; nothing where they cannot. */
  live = $state('')
  toggleLive = $state<(() => void) | null>(null)

  clear(): void {
    this.rows = ''
    this.cursor = 0
    this.selected = 0
    this.live = ''
    this.toggleLive = null
  }
}

export const status = new Status()
