/** Changes of cells that are not saved yet, with undo. */
import type { Row } from '../api/types'

type Values = Record<string, unknown>
type Step = { id: string; field: string; before: unknown; had: boolean; after: unknown; has: boolean }

export class Staged {
  #changes = $state.raw<ReadonlyMap<string, Values>>(new Map())
  #rows = new Map<string, Row>()
  #done: Step[] = []
  #undone: Step[] = []

  get count(): number {
    return [...this.#changes.values()].reduce((sum, values) => sum + Object.keys(values).length, 0)
  }

  /** Each changed record as it was, and what is to change. */
  get list(): { row: Row; values: Values }[] {
    return [...this.#changes].map(([id, values]) => ({ row: this.#rows.get(id)!, values }))
  }

  of(id: string): Values | undefined {
    return this.#changes.get(id)
  }

  has(id: string, field: string): boolean {
    const values = this.#changes.get(id)
    return values !== undefined && field in values
  }

  /** Stage a value; undefined takes the change back. */
  set(row: Row, field: string, value: unknown): void {
    const before = this.#changes.get(row.id)
    const had = before !== undefined && field in before
    if (!had && value === undefined) return
    if (!this.#rows.has(row.id)) this.#rows.set(row.id, row)
    const step = { id: row.id, field, before: before?.[field], had, after: value, has: value !== undefined }
    this.#done.push(step)
    this.#undone = []
    this.#put(step.id, field, step.has, value)
  }

  /** The record has another version by now: changes go on from there. */
  rebase(row: Row): void {
    if (this.#rows.has(row.id)) this.#rows.set(row.id, row)
    this.#changes = new Map(this.#changes)
  }

  undo(): boolean {
    const step = this.#done.pop()
    if (!step) return false
    this.#undone.push(step)
    this.#put(step.id, step.field, step.had, step.before)
    return true
  }

  redo(): boolean {
    const step = this.#undone.pop()
    if (!step) return false
    this.#done.push(step)
    this.#put(step.id, step.field, step.has, step.after)
    return true
  }

  clear(): void {
    this.#changes = new Map()
    this.#rows.clear()
    this.#done = []
    this.#undone = []
  }

  #put(id: string, field: string, has: boolean, value: unknown): void {
    const changes = new Map(this.#changes)
    const values = { ...changes.get(id) }
    if (has) values[field] = value
    else delete values[field]
    if (Object.keys(values).length) changes.set(id, values)
    else changes.delete(id)
    this.#changes = changes
  }
}
