import { expect, test } from 'vitest'
import { withoutSecrets, withoutTexts } from '../src/screens/settings/diagnostics'
import { read } from '../src/screens/settings/licences'

test('what looks like a secret goes, at any depth, and a login in an address', () => {
  expect(withoutSecrets({ host: 'db', smtp: { password: 'x', authMethod: '' }, list: ['postgres://a:b@host/db'], apiKey: 'k', none_key: '' })).toEqual({
    host: 'db', smtp: { password: '(removed)', authMethod: '' }, list: ['postgres://(removed)@host/db'], apiKey: '(removed)', none_key: '',
  })
})

test('of settings only numbers and switches stay', () => {
  expect(withoutTexts({ enabled: true, port: 25, host: 'mail.example.com', empty: '', rules: [{ label: 'x', max: 3 }] })).toEqual({ enabled: true, port: 25, host: '(set)', empty: '', rules: [{ label: '(set)', max: 3 }] })
})

test('licences are read with their texts', () => {
  const found = read('# Licenses\n\nThe app\n\n## @scope/one - 1.2.3 (MIT)\n\nMIT License\n\nText\n\n## two - 0.1.0 (BSD-3-Clause)\n')
  expect(found).toEqual([{ name: '@scope/one', version: '1.2.3', licence: 'MIT', text: 'MIT License\n\nText' }, { name: 'two', version: '0.1.0', licence: 'BSD-3-Clause', text: '' }])
})
