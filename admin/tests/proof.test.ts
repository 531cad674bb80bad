import { afterEach, expect, test, vi } from 'vitest'
import { ApiError, line, send } from '../src/api/client'

const answers = (...list: [number, unknown][]): string[] => {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (path: string, { method, body }: { method: string; body: string | null }) => {
    asked.push(`${method} ${path} ${body ?? ''}`.trim())
    const [status, content] = list.shift()!
    return new Response(status === 204 ? null : JSON.stringify(content), { status, headers: { 'Server-Timing': 'db;dur=1.25, app;dur=0.75' } })
  })
  return asked
}
const NEEDED = { code: 'recent_login_needed', message: 'Show that it is you.', data: {} }
vi.stubGlobal('location', { pathname: '/_/data/posts' })

afterEach(() => {
  line.onProof = async () => false
})

test('what needs a password of late goes on with the same request when it was given', async () => {
  const asked = answers([403, NEEDED], [204, null])
  line.onProof = async () => true
  await send('DELETE', '/api/collections/posts', { body: { plan: 'x' } })
  expect(asked).toEqual(Array(2).fill('DELETE /api/collections/posts {"plan":"x"}'))
})

test.each([['nobody gives it', false, 1], ['the server still wants it', true, 2]])('when %s it is refused', async (_, given, times) => {
  const asked = answers([403, NEEDED], [403, NEEDED])
  line.onProof = async () => given
  await expect(send('DELETE', '/api/collections/posts')).rejects.toThrow(ApiError)
  expect(asked.length).toBe(times)
})

test('the strip is told what the server needed, and what of that the database did', async () => {
  answers([200, {}])
  const told: object[] = []
  line.onDone = (one) => told.push(one)
  await send('GET', '/api/collections')
  expect(told).toEqual([{ ms: 2, database: 1.25, ok: true }])
})
