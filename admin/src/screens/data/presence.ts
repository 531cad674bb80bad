/** Who else has a record open, in words: no more than their pages have said some seconds ago. */
import type { Answer } from '../../api/client'

export type Other = Answer<'/api/console/presence', 'put'>['items'][number]

const names = (list: string[]): string => (list.length > 1 ? `${list.slice(0, -1).join(', ')} and ${list.at(-1)}` : (list[0] ?? ''))
const have = (list: string[]): string => (list.length > 1 ? 'have' : 'has')

export function words(others: readonly Other[]): string {
  const own = others.filter((one) => one.own)
  const writing = others.filter((one) => !one.own && one.writes).map((one) => one.name)
  const looking = others.filter((one) => !one.own && !one.writes).map((one) => one.name)
  return [
    writing.length ? `${names(writing)} ${have(writing)} changes here that are not saved.` : '',
    looking.length ? `${names(looking)} ${have(looking)} this record open.` : '',
    own.length ? `You have this record open in another page${own.some((one) => one.writes) ? ', with changes that are not saved' : ''}.` : '',
  ].filter(Boolean).join(' ')
}

/** An id for a page; `crypto.randomUUID` is only there where TLS is. */
export const newPage = (): string => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
