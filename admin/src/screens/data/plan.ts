import type { Estimate, Plan } from '../../api/types'
import { bytes, grouped } from '../../fields/value'

/** The steps of a plan in words (docs/reference/schema-changes.md). */
const WORDS: Record<string, string> = {
  create_extension: 'Make pgvector available for',
  drop_view: 'Take the view down, to make it again:',
  stop_capture: 'Stop writing events of',
  stop_history: 'Stop keeping versions of',
  drop_index: 'Drop an index of',
  drop_relation: 'Drop a foreign key of',
  drop_trigger: 'Drop a trigger of',
  drop_function: 'Drop the function of a trigger of',
  keep_index: 'Rename an index in the trash of',
  rename_collection: 'Rename the collection to',
  drop_collection: 'Move to the trash:',
  keep_field: 'Keep the dropped values of',
  drop_field: 'Drop the field',
  rename_field: 'Rename the field',
  create_collection: 'Make the table',
  comment: 'Comment on',
  keep_values: 'Keep the lost values of',
  alter_field: 'Change the field',
  convert_field: 'Convert the field',
  empty_missing: 'Empty relations that lead nowhere in',
  add_field: 'Add the field',
  fill_field: 'Fill the field',
  create_index: 'Make an index of',
  create_relation: 'Make a foreign key of',
  create_function: 'Make the function of a trigger of',
  create_trigger: 'Make a trigger of',
  start_capture: 'Write events of',
  start_history: 'Keep versions of',
  create_view: 'Make the view',
}

export const actionWords = (action: string): string => WORDS[action] ?? action.replaceAll('_', ' ')
export const totalWords = (steps: number): string => `${steps} ${steps === 1 ? 'step' : 'steps'}`

/** The statements of a plan, each with what it loses. */
export const sqlOf = (steps: Plan['steps']): string => steps.map((step) => `${step.sql.replace(/;?\s*$/, ';')}${step.destroys ? `  -- loses ${grouped(step.rows)}` : ''}`).join('\n')

/** How long a plan takes: a range, because nobody knows who else is at work. */
export function durationWords({ secondsFrom, secondsTo }: Estimate): string {
  if (secondsTo <= 1) return 'under a second'
  const [unit, word] = secondsTo < 120 ? [1, 's'] : [60, 'min']
  const [least, most] = [secondsFrom, secondsTo].map((seconds) => Math.max(1, Math.round(seconds / unit)))
  return least === most ? `about ${most} ${word}` : `${least} to ${most} ${word}`
}

const listed = (names: string[]): string => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`)

/** What the tables go through while a plan is applied, table by table where they differ. */
export function heldWords({ tables, unsure }: Estimate): string[] {
  const rewritten = tables.filter((one) => one.rewrites)
  const named = (found: typeof tables): string => listed(found.map((one) => one.collection))
  const [closed, still] = [tables.filter((one) => one.locks === 'access exclusive'), tables.filter((one) => one.locks && one.locks !== 'access exclusive')]
  return [
    rewritten.length ? `${listed(rewritten.map((one) => `${one.collection} (${bytes(one.bytes)})`))} ${rewritten.length === 1 ? 'is' : 'are'} written anew` : '',
    closed.length ? `nobody reads or writes ${named(closed)} meanwhile` : '',
    still.length ? `nobody writes ${named(still)} meanwhile` : '',
    unsure ? 'rows are guessed by the size of the tables' : '',
  ].filter(Boolean)
}

/** A record that loses its value in a field, and what it would have then. */
export type Losing = { id: string; value: unknown; becomes: unknown }
/** A value as JSON, so that "7" and 7 are told apart; long ones are cut. */
export function shownLoss(value: unknown): string {
  const text = value === null ? '(nothing)' : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
