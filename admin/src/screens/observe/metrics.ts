/** The text of /metrics as numbers, and what happened between two of them. */
export type Sample = { name: string; labels: Record<string, string>; value: number }
export type Scrape = { at: number; samples: Sample[] }
export type Spread = { bounds: number[]; counts: number[] }
export type Route = { route: string; method: string; count: number; errors: number; mean: number; p95: number | null }

const LINE = /^(\w+)(?:\{(.*)\})? ([^ ]+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

export function parse(text: string): Sample[] {
  const found: Sample[] = []
  for (const line of text.split('\n')) {
    const parts = line.startsWith('#') ? null : LINE.exec(line)
    if (!parts) continue
    const labels: Record<string, string> = {}
    for (const [, name, value] of (parts[2] ?? '').matchAll(LABEL)) labels[name!] = value!.replace(/\\(.)/g, '$1')
    found.push({ name: parts[1]!.replace(/^holdfast_/, ''), labels, value: parts[3] === '+Inf' ? Infinity : Number(parts[3]) })
  }
  return found
}

export type Want = (labels: Record<string, string>) => boolean
const all: Want = () => true
/** Lines that stay open are no requests that take long. */
export const counted: Want = (labels) => !labels.route?.startsWith('/api/realtime')

export const sum = (scrape: Scrape, name: string, want: Want = all): number =>
  scrape.samples.reduce((total, one) => (one.name === name && want(one.labels) ? total + one.value : total), 0)

/** How much a counter has grown in a second; a process that began anew begins at nothing. */
export function rate(before: Scrape, now: Scrape, name: string, want: Want = all): number {
  const seconds = (now.at - before.at) / 1000
  return seconds > 0 ? Math.max(0, sum(now, name, want) - sum(before, name, want)) / seconds : 0
}

/** The histogram of requests as counts up to each bound; with `before`, only what came since. */
export function spread(now: Scrape, before: Scrape | null, want: Want = counted): Spread {
  const counts = new Map<number, number>()
  const add = (scrape: Scrape, sign: number): void => {
    for (const one of scrape.samples) {
      if (one.name !== 'http_request_duration_seconds_bucket' || !want(one.labels)) continue
      const bound = one.labels.le === '+Inf' ? Infinity : Number(one.labels.le)
      counts.set(bound, (counts.get(bound) ?? 0) + sign * one.value)
    }
  }
  add(now, 1)
  if (before) add(before, -1)
  const bounds = [...counts.keys()].sort((a, b) => a - b)
  return { bounds, counts: bounds.map((bound) => Math.max(0, counts.get(bound)!)) }
}

/** The time that this part of the requests stayed under, in milliseconds; null where there were none. */
export function quantile({ bounds, counts }: Spread, part: number): number | null {
  const total = counts.at(-1) ?? 0
  if (!total) return null
  const wanted = total * part
  const at = counts.findIndex((count) => count >= wanted)
  if (bounds[at] === Infinity) return (bounds[at - 1] ?? 0) * 1000
  const below = at ? counts[at - 1]! : 0
  const from = at ? bounds[at - 1]! : 0
  const share = counts[at]! > below ? (wanted - below) / (counts[at]! - below) : 1
  return (from + (bounds[at]! - from) * share) * 1000
}

/** Requests by route since the processes began. */
export function routes(now: Scrape): Route[] {
  const found = new Map<string, Route>()
  for (const one of now.samples) {
    if (one.name !== 'http_requests_total' || !counted(one.labels)) continue
    const { method = '', route = '', status = '' } = one.labels
    const key = `${method} ${route}`
    const row = found.get(key) ?? { route, method, count: 0, errors: 0, mean: 0, p95: null }
    row.count += one.value
    if (Number(status) >= 500) row.errors += one.value
    found.set(key, row)
  }
  for (const row of found.values()) {
    const want: Want = (labels) => labels.route === row.route && labels.method === row.method
    row.mean = row.count ? (sum(now, 'http_request_duration_seconds_sum', want) / row.count) * 1000 : 0
    row.p95 = quantile(spread(now, null, want), 0.95)
  }
  return [...found.values()]
}

const DETAIL_MS = 30 * 60_000
export const COARSE_MS = 30_000
export const KEPT_MS = 12 * 3600_000

/** Without routes and processes, which only the newest is asked for: about sixty numbers in place of thousands. */
export function folded(scrape: Scrape): Scrape {
  const found = new Map<string, Sample>()
  for (const one of scrape.samples) {
    if (one.name.startsWith('http_') && !counted(one.labels)) continue
    const labels = Object.fromEntries(['status', 'le', 'outcome'].flatMap((name) => (one.labels[name] === undefined || (name === 'status' && one.labels.le !== undefined) ? [] : [[name, one.labels[name]]])))
    const key = `${one.name} ${Object.values(labels).join()}`
    const known = found.get(key)
    if (known) known.value += one.value
    else found.set(key, { name: one.name, labels, value: one.value })
  }
  return { at: scrape.at, samples: [...found.values()] }
}

/** What is kept with one more: half an hour as it came, before that one in half a minute, and nothing of before. */
export function kept(scrapes: Scrape[], next: Scrape): Scrape[] {
  const found: Scrape[] = []
  for (const one of scrapes) {
    const age = next.at - one.at
    const isNear = found.length > 0 && one.at - found.at(-1)!.at < COARSE_MS
    if (age <= KEPT_MS && (age <= DETAIL_MS || !isNear)) found.push(one === scrapes.at(-1) ? folded(one) : one)
  }
  return [...found, next]
}

export type Step = [before: Scrape, now: Scrape]

/** The steps of a time, each between two looks. */
export function stepsOf(scrapes: Scrape[], from: number, until: number): Step[] {
  return scrapes.slice(1).map((one, at): Step => [scrapes[at]!, one]).filter(([, one]) => one.at >= from && one.at <= until)
}

/** For each step the one of so many milliseconds before it, where there was one. */
export function stepsBefore(steps: Step[], all: Step[], ms: number): (Step | null)[] {
  let at = 0
  return steps.map(([, now]) => {
    const wanted = now.at - ms
    while (at + 1 < all.length && Math.abs(all[at + 1]![1].at - wanted) <= Math.abs(all[at]![1].at - wanted)) at++
    const found = all[at]
    return found && Math.abs(found[1].at - wanted) <= COARSE_MS ? found : null
  })
}

export type Process = { worker: string; started: number; memory: number; cpu: number; connections: string; lines: number; files: number | null }

/** The processes of the server, as each has told of itself. */
export function processes(now: Scrape): Process[] {
  const names = [...new Set(now.samples.filter((one) => one.name === 'process_start_time_seconds').map((one) => one.labels.worker ?? ''))]
  return names.map((worker) => {
    const own = (name: string): number => sum(now, name, (labels) => labels.worker === worker)
    const files = now.samples.some((one) => one.name === 'process_open_files' && one.labels.worker === worker)
    return { worker, started: own('process_start_time_seconds') * 1000, memory: own('process_resident_memory_bytes'), cpu: own('process_cpu_seconds_total'), connections: `${own('db_pool_in_use')} of ${own('db_pool_open')}`, lines: own('realtime_connections'), files: files ? own('process_open_files') : null }
  })
}
