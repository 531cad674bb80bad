import { expect, it } from 'vitest'
import { isGranted } from '../src/screens/plugins/granted'

const MAY = ['GET /api/collections/posts/records', 'PATCH /api/collections/posts/records/*', 'GET /api/*']

it.each([
  ['GET', '/api/collections/posts/records'],
  ['GET', '/api/collections/posts/records?filter=a%20%3D%20%22%2F..%2F%22'],
  ['PATCH', '/api/collections/posts/records/abc'],
  ['GET', '/api/health'],
])('a page may call what it is granted: %s %s', (method, path) => expect(isGranted(MAY, method, path)).toBe(true))

it.each([
  ['DELETE', '/api/collections/posts/records/abc'],
  ['POST', '/api/collections/posts/records'],
  ['PATCH', '/api/collections/posts/records/'],
  ['PATCH', '/api/collections/posts/records/abc/def'],
  ['PATCH', '/api/collections/posts/records/..%2f..%2fsettings'],
  ['PATCH', '/api/collections/posts/records/%2e%2e'],
  ['PATCH', '/api/collections/posts/records/a%5Cb'],
  ['PATCH', '/api/collections/posts/records/a%252Fb'],
  ['PATCH', '/api/collections/posts/records/../../users/records/abc'],
  ['GET', '/api/collections%2f_superusers%2frecords'],
  ['GET', '/api/../_/'],
  ['GET', '//api/health'],
  ['GET', 'https://example.com/api/health'],
  ['GET', '/_/api/health'],
  ['GET', 'api/health'],
  ['GET', ''],
])('and nothing else: %s %s', (method, path) => expect(isGranted(MAY, method, path)).toBe(false))

it('a page that is granted nothing may call nothing', () => expect(isGranted([], 'GET', '/api/health')).toBe(false))
