import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { look } from '../src/app/theme.svelte'
import { clock } from '../src/screens/observe/logs'
import type { Field } from '../src/api/types'
import { bothTimes, fromLocalInput, localDate, otherTime, read, toLocalInput } from '../src/fields/value'

const AT = '2026-11-20 23:15:07.120Z'
const date = { name: 'at', type: 'date' } as unknown as Field

beforeEach(() => void vi.stubEnv('TZ', 'Asia/Tokyo'))
afterEach(() => {
  vi.unstubAllEnvs()
  look.utc = false
})

describe.each([
  { utc: false, shown: '2026-11-21 08:15:07', other: `${AT} (UTC)`, day: '2026-11-20 15:00:00.000Z' },
  { utc: true, shown: '2026-11-20 23:15:07', other: '2026-11-21 08:15:07 (here)', day: '2026-11-20 00:00:00.000Z' },
])('with UTC preferred: $utc', ({ utc, shown, other, day }) => {
  beforeEach(() => void (look.utc = utc))

  test('a moment is shown in one zone, and the other one stands beside it', () => {
    expect([localDate(AT), otherTime(AT), clock(AT)]).toEqual([shown, other, `${shown.slice(11)}.120`])
    expect(bothTimes(AT)).toContain(shown)
  })

  test('what is typed is of the zone that is shown', () => {
    expect(fromLocalInput(toLocalInput(AT))).toBe('2026-11-20 23:15:07.000Z')
    expect(read(date, shown)).toEqual({ value: '2026-11-20 23:15:07.000Z' })
  })

  test('a day begins where it begins in that zone', () => {
    expect(read(date, 'today', new Date(AT))).toEqual({ value: day })
    expect(read(date, day === '2026-11-20 00:00:00.000Z' ? '2026-11-20' : '2026-11-21')).toEqual({ value: day })
  })

  test('nothing is no moment', () => expect([localDate(''), otherTime('')]).toEqual(['', '']))
})
