import { describe, expect, it } from 'vitest'
import { soughtWords } from '../src/screens/data/explanation'

describe('what is said of records that were looked for', () => {
  it('is nothing where there are some', () => expect(soughtWords({ ids: ['a'], looked: 10_000, ended: 'rows' }, 'a guest')).toBe(''))
  it('is that there is none, after all were looked at', () => expect(soughtWords({ ids: [], looked: 3 }, 'a guest')).toBe('There is none that a guest may not see.'))
  it('is that there may be more, where not all were looked at', () => expect(soughtWords({ ids: [], looked: 10_000, ended: 'rows' }, 'the key')).toContain('there are more'))
  it('is that the time was over', () => expect(soughtWords({ ids: [], looked: 0, ended: 'time' }, 'a guest')).toContain('time'))
  it('is that there is nothing at all', () => expect(soughtWords({ ids: [], looked: 0 }, 'a guest')).toBe('There is no record yet.'))
})
