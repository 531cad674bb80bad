/** Why an open line was told of a record, or was not: what can be asked of the topics as they are written. */

export type Topic = { text: string; place: string; record: string; filter: string; hasMore: boolean }

/** `posts/*?options={"query":{"filter":"…"}}`; null for one that is about no records. */
export function readTopic(text: string): Topic | null {
  const [name = '', behind = ''] = text.split(/\?(.*)/s)
  const [place = '', record = '*'] = name.split('/')
  if (!place || name.startsWith('@') || name.startsWith('PB_CONNECT') || name.split('/').length > 2) return null
  let query: Record<string, unknown> = {}
  let hasMore = false
  try {
    const options = JSON.parse(new URLSearchParams(behind).get('options') ?? '{}') as { query?: Record<string, unknown>; headers?: unknown }
    query = options.query ?? {}
    hasMore = Object.keys(query).some((key) => !['filter', 'fields', 'expand'].includes(key)) || options.headers !== undefined
  } catch {
    return null
  }
  return { text, place, record, filter: String(query.filter ?? '').trim(), hasMore }
}

/** Those that are about a record of a collection, by its name or id. */
export const about = (topics: string[], names: string[], record: string): Topic[] =>
  topics.flatMap((text): Topic[] => {
    const topic = readTopic(text)
    return topic && names.includes(topic.place) && (topic.record === '*' || topic.record === record) ? [topic] : []
  })

/** Who listens, as `explain` asks for them; 'superuser' sees all. */
export function whoIs(auth: string): { collection: string; id: string } | { key: string } | null | 'superuser' {
  if (auth.startsWith('_superusers/')) return 'superuser'
  if (auth.startsWith('key:')) return { key: auth.slice(4) }
  const [collection = '', id = ''] = auth.split('/')
  return id ? { collection, id } : null
}
