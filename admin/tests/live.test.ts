import { expect, test } from 'vitest'
import { Messages } from '../src/api/live'

test('messages come out of pieces as they are whole', () => {
  const messages = new Messages()
  expect(messages.take('id:abc\nevent:PB_CO')).toEqual([])
  expect(messages.take('NNECT\ndata:{}\n\n:\n\nid:e:1\nevent:posts/*?options={"a":1}\ndata:{"x":"a:b"}\n\nid')).toEqual([
    { event: 'PB_CONNECT', id: 'abc', data: '{}' },
    { event: '', id: '', data: '' },
    { event: 'posts/*?options={"a":1}', id: 'e:1', data: '{"x":"a:b"}' },
  ])
})
