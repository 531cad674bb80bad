import { describe, expect, it } from 'vitest'
import { advice } from '../src/screens/first/calling'
import { askerWords, readJson } from '../src/screens/access/ruleTests'
import { blank, permissionWords } from '../src/screens/access/roles'
import { agent, randomPassword, ways } from '../src/screens/users/accounts'

const account = { id: 'a', sessions: 0, lastUsed: '', authenticator: false, passkeys: 0, providers: [], block: null }
const heard = { method: 'GET', url: '/api/collections/a/records', ms: 1, from: '', request: '', auth: 'key:first' }

describe('people', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0', 'Edge on Windows'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/604.1', 'Safari on iPhone'],
    ['curl/8.9', 'curl/8.9'], ['', 'unknown'],
  ])('have a browser of which %j is made %s', (text, words) => expect(agent(text)).toBe(words))

  it('log in by what they have', () => {
    const collection = { passwordAuth: { enabled: true } } as never
    expect(ways(collection, account)).toEqual(['password'])
    expect(ways({} as never, { ...account, authenticator: true, passkeys: 2, providers: ['github'] })).toEqual(['authenticator', '2 passkeys', 'github'])
  })

  it('get passwords that nobody guesses', () => {
    expect(randomPassword()).toHaveLength(40)
    expect(randomPassword()).not.toBe(randomPassword())
  })
})

describe('roles and rule tests', () => {
  it.each([
    [blank('posts'), 'posts: list, view'],
    [{ ...blank('*'), actions: ['list', 'view', 'create', 'update', 'delete'] as const }, 'every collection: everything'],
    [{ ...blank('posts'), rule: "a = 'b'", fields: { read: ['title'], write: ['*'] } }, "posts: list, view where a = 'b', some fields"],
  ])('are told in a line', (permission, words) => expect(permissionWords(permission as never)).toBe(words))

  it.each([[null, 'anyone, not signed in'], [{ key: 'k1' }, 'the key k1'], [{ collection: 'users', id: 'u1' }, 'u1 of users']])('are about %j', (as, words) => expect(askerWords(as)).toBe(words))

  it('take JSON, or nothing', () => {
    expect(readJson(' ')).toEqual({ value: undefined })
    expect(readJson('{"a":1}')).toEqual({ value: { a: 1 } })
    expect(readJson('{')).toHaveProperty('problem')
  })
})

describe('the first request', () => {
  it.each([401, 403, 404, 400, 429, 500])('that ends in %i is told what to do', (status) => expect(advice({ ...heard, status })).not.toBe(''))
  it('is told that its key did not come along', () => expect(advice({ ...heard, status: 403, auth: '' })).toContain('without the key'))
  it('needs no advice where it works', () => expect(advice({ ...heard, status: 204 })).toBe(''))
})
