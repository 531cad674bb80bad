/** Pages of the grid in place of one long list: how many rows one has, as this browser keeps it for all collections. */
export const SIZES = [25, 50, 100, 500] as const
const KEPT = 'holdfast.pageSize'

/** 0 is one long list, and so is what is no size. */
export const sizeOf = (text: string | null | undefined): number => SIZES.find((size) => String(size) === text) ?? 0

class Paging {
  size = $state(sizeOf(globalThis.localStorage?.getItem(KEPT)))

  choose(size: number): void {
    this.size = sizeOf(String(size))
    if (this.size) localStorage.setItem(KEPT, String(this.size))
    else localStorage.removeItem(KEPT)
  }
}

export const pages = new Paging()
