import { expect, test } from 'vitest'
import { shared } from '../build'
import { read } from '../src/screens/settings/licences'

const MIT = (who: string): string => `MIT License\n\nCopyright (c) 2020 ${who}\n\nPermission is granted\nto anybody.\n`
const ALL = `# Licenses\n\n## @a/one - 1.0.0 (MIT)\n\n${MIT('Ada')}\n## two - 2.0.0 (MIT)\n\n${MIT('Bob').replaceAll('\n', '\n ')}\n## three - 3.0.0 (ISC)\n\nISC\n\n## four - 4.0.0 (MIT)\n\n`

test('a licence that says the same as one before is there once, and each keeps whose it is', () => {
  const text = shared(ALL)
  expect(text.match(/Permission is granted/g)).toHaveLength(1)
  expect(text).toContain('## two - 2.0.0 (MIT)')
  expect(text).toContain('Copyright (c) 2020 Bob\n\nIn the words of the licence of @a/one, above.')
  expect(text).toContain('## three - 3.0.0 (ISC)\n\nISC')
})

test('who reads a licence reads all of it', () => {
  const [one, two, , four] = read(shared(ALL))
  expect(one!.text).toContain('Copyright (c) 2020 Ada')
  expect(two).toMatchObject({ name: 'two', version: '2.0.0', licence: 'MIT' })
  expect(two!.text).toMatch(/Copyright \(c\) 2020 Bob[^]*Permission is granted/)
  expect(two!.text).not.toContain('Ada')
  expect(four!.text).toBe('')
})
