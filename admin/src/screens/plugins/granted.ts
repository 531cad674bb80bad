/** Whether a page of a plugin may make a call: `GET /api/collections/posts/records/*`, in which a star is one segment. */
export function isGranted(may: string[], method: string, path: string): boolean {
  if (!path.startsWith('/api/')) return false
  let url: URL
  try {
    url = new URL(path, 'http://here')
  } catch {
    return false
  }
  // What is a slash or a step up to the server, and none here, would make one segment several.
  if (url.host !== 'here' || /%(2f|5c|2e|25)/i.test(url.pathname)) return false
  const asked = url.pathname.split('/')
  return may.some((grant) => {
    const [allowed, pattern = ''] = grant.split(' ')
    const parts = pattern.split('/')
    return allowed === method && parts.length === asked.length && parts.every((part, at) => (part === '*' ? asked[at] !== '' : part === asked[at]))
  })
}
