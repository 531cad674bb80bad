import { describe, expect, test } from 'vitest'
import { bars, clock, filterOf, stretchOf } from '../src/screens/observe/logs'

const asked = { words: '', level: '', status: '', method: '', filter: '', console: false, from: new Date('2027-01-31T09:00:00Z'), to: null }

describe('what is asked of the log', () => {
  test('is a time, without the console itself', () => expect(filterOf(asked)).toBe('created >= "2027-01-31 09:00:00.000Z" && data.console != true'))
  test('is joined of all that was chosen', () =>
    expect(filterOf({ ...asked, console: true, level: '4', status: '5', method: 'GET', words: 'a "b"', filter: 'x = 1 || y = 2', to: new Date('2027-01-31T10:00:00Z') })).toBe(
      'created >= "2027-01-31 09:00:00.000Z" && created < "2027-01-31 10:00:00.000Z" && level >= 4 && data.status >= 500 && data.status < 600 && data.method = "GET"' +
        ' && (message ~ "a" || request = "a" || data.userIP = "a") && (message ~ "\\"b\\"" || request = "\\"b\\"" || data.userIP = "\\"b\\"") && (x = 1 || y = 2)',
    ))
})

test.each([[900, '10s'], [3600, '1m'], [86_400, '15m'], [604_800, '6h'], [400 * 86_400, '1d']])('a bar of %s seconds is %s', (seconds, name) => expect(stretchOf(seconds)[0]).toBe(name))

test('there is a bar for every stretch, and those of trouble lie over those of all', () => {
  const found = [{ date: '1970-01-01 00:01:00.000Z', total: 5, warnings: 2, errors: 1 }]
  expect(bars(found, 30, 180, 60)).toEqual({ times: [0, 60, 120], all: [0, 5, 0], warnings: [0, 3, 0], errors: [0, 1, 0] })
})

test('a time has its milliseconds', () => expect(clock('2027-01-31 09:00:00.007Z')).toMatch(/^\d\d:00:00\.007$/))
