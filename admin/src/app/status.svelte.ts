/** What the status strip says of the screen that is open. Every number in it is true now. */
class Status {
  rows = $state('')
  cursor = $state(0)
  selected = $state(0)

  clear(): void {
    this.rows = ''
    this.cursor = 0
    this.selected = 0
  }
}

export const status = new Status()
