/** Changes of cells that are not saved yet, with undo. */
import type { Row } from '../api/types'
import { same } from '../fields/value'

type Values = Record<string, unknown>
export type Broken = { text: string; problem: string }
type Step = { id: string; field: string; before: unknown; had: boolean; after: unknown; has: boolean }

/** Whether a cell shows a value: of long texts and JSON it has the beginning, as a text. */
const CUT = 100 // characters, which no other text has to be compared by
const shows = (cell: unknown, value: unknown): boolean =>
  same(cell, value) || (typeof cell === 'string' && (typeof value !== 'string' ? value !== null && value !== undefined : cell.length > CUT && value.startsWith(cell.slice(0, -1))))

export class Staged {
  #changes = $state.raw<ReadonlyMap<string, Values>>(new Map())
  /** What was pasted and cannot be a value: it has to be mended before anything is saved. */
  #broken = $state.raw<ReadonlyMap<string, Broken>>(new Map())
  /** What somebody else has made of a cell that is staged here. */
  #theirs = $state.raw<ReadonlyMap<string, unknown>>(new Map())
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

  get broken(): number {
    return this.#broken.size
  }

  /** Each of them with the id of its row and the name of its field. */
  get brokenCells(): { id: string; field: string; text: string; problem: string }[] {
    return [...this.#broken].map(([key, found]) => ({ id: key.slice(0, key.lastIndexOf(' ')), field: key.slice(key.lastIndexOf(' ') + 1), ...found }))
  }

  brokenOf(id: string, field: string): Broken | undefined {
    return this.#broken.get(`${id} ${field}`)
  }

  /** Somebody else has changed a record: where that is what is staged, the cell says so. */
  meet(row: Row): void {
    const mine = this.#changes.get(row.id)
    const base = this.#rows.get(row.id)
    if (!mine || !base) return
    const met = Object.keys(mine).filter((name) => name in row && !shows(row[name], base[name]))
    this.#theirs = new Map([...[...this.#theirs].filter(([key]) => !key.startsWith(`${row.id} `)), ...met.map((name): [string, unknown] => [`${row.id} ${name}`, row[name]])])
  }

  /** Whether somebody else has changed the cell, and to what. */
  theirs(id: string, field: string): { value: unknown } | undefined {
    const key = `${id} ${field}`
    return this.#theirs.has(key) ? { value: this.#theirs.get(key) } : undefined
  }

  refuse(row: Row, field: string, text: string, problem: string): void {
    this.#broken = new Map([...this.#broken, [`${row.id} ${field}`, { text, problem }]])
  }

  /** Forget all that is staged of a row. */
  forget(id: string): void {
    const changes = new Map(this.#changes)
    changes.delete(id)
    this.#changes = changes
    this.#rows.delete(id)
    this.#broken = new Map([...this.#broken].filter(([key]) => !key.startsWith(`${id} `)))
    this.#theirs = new Map([...this.#theirs].filter(([key]) => !key.startsWith(`${id} `)))
    const others = (step: Step): boolean => step.id !== id
    this.#done = this.#done.filter(others)
    this.#undone = this.#undone.filter(others)
  }

  #mended(id: string, field: string): void {
    const key = `${id} ${field}`
    if (this.#broken.has(key)) this.#broken = new Map([...this.#broken].filter(([one]) => one !== key))
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
    this.#mended(row.id, field)
    const before = this.#changes.get(row.id)
    const had = before !== undefined && field in before
    if (!had && value === undefined) return
    if (!this.#rows.has(row.id)) this.#rows.set(row.id, row)
    const step = { id: row.id, field, before: before?.[field], had, after: value, has: value !== undefined }
    this.#done.push(step)
    this.#undone = []
    this.#put(step.id, field, step.has, value)
  }

  /** What the record was before any change, where that is more than the grid shows of it. */
  remember(row: Row): void {
    this.#rows.set(row.id, { ...this.#rows.get(row.id), ...row })
  }

  /** The record has another version by now: changes go on from there. */
  rebase(row: Row): void {
    if (this.#rows.has(row.id)) this.#rows.set(row.id, row)
    this.meet(row)
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
    this.#broken = new Map()
    this.#theirs = new Map()
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
