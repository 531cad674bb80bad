import { expect, test } from 'vitest'
import { KEPT_MS, counted, folded, kept, parse, processes, quantile, rate, routes, spread, stepsBefore, stepsOf, sum, type Scrape } from '../src/screens/observe/metrics'

const text = (count: number, slow: number): string => `# HELP holdfast_http_requests_total x
holdfast_http_requests_total{method="GET",route="/api/{a}",status="200",worker="1"} ${count}
holdfast_http_requests_total{method="GET",route="/api/realtime",status="200",worker="1"} 7
holdfast_http_requests_total{method="GET",route="/api/{a}",status="500",worker="2"} 2.0
holdfast_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/api/{a}",status="200",worker="1"} ${count - slow}
holdfast_http_request_duration_seconds_bucket{le="1.0",method="GET",route="/api/{a}",status="200",worker="1"} ${count}
holdfast_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/api/{a}",status="200",worker="1"} ${count}
holdfast_http_request_duration_seconds_sum{method="GET",route="/api/{a}",status="200",worker="1"} 1.2
holdfast_jobs_total{job="a\\"b",outcome="done"} 3
`
const scrape = (at: number, count: number, slow: number): Scrape => ({ at, samples: parse(text(count, slow)) })

test('labels come with their quotes', () => expect(scrape(0, 1, 0).samples.at(-1)).toEqual({ name: 'jobs_total', labels: { job: 'a"b', outcome: 'done' }, value: 3 }))
test('what grew is a rate, and what began anew is none', () => {
  expect(rate(scrape(0, 10, 0), scrape(2000, 20, 0), 'http_requests_total')).toBe(5)
  expect(rate(scrape(0, 20, 0), scrape(2000, 10, 0), 'http_requests_total')).toBe(0)
  expect(sum(scrape(0, 10, 0), 'http_requests_total', (labels) => labels.worker === '2')).toBe(2)
})
test('times are those since the one before', () => {
  const found = spread(scrape(1000, 30, 5), scrape(0, 10, 5))
  expect(found).toEqual({ bounds: [0.1, 1, Infinity], counts: [20, 20, 20] })
  expect(quantile(found, 0.5)).toBeCloseTo(50)
  expect(quantile(spread(scrape(1000, 30, 30), null), 0.5)).toBeCloseTo(550)
  expect(quantile({ bounds: [], counts: [] }, 0.5)).toBeNull()
})
test('routes are told with their faults, without lines that stay open', () => {
  const [found, ...others] = routes(scrape(0, 10, 0))
  expect(others).toEqual([])
  expect([found!.route, found!.count, found!.errors, Math.round(found!.mean), found!.p95]).toEqual(['/api/{a}', 12, 2, 100, 95])
})
test('what is old is kept seldom and without routes, and what is older not at all', () => {
  let list: Scrape[] = []
  for (let at = 0; at <= 13 * 3600_000; at += 10_000) list = kept(list, scrape(at, at / 1000, 0))
  const [last] = list.slice(-1)
  expect(last!.samples.some((one) => one.labels.route)).toBe(true)
  expect(list.slice(0, -1).some((one) => one.samples.some((sample) => sample.labels.route))).toBe(false)
  expect(last!.at - list[0]!.at).toBe(KEPT_MS)
  expect(list[1]!.at - list[0]!.at).toBe(30_000)
  expect(list.length).toBeLessThan(1600)
})
test('numbers are the same when they are kept', () => {
  const [before, now] = [scrape(0, 10, 0), scrape(2000, 30, 5)]
  expect(rate(folded(before), folded(now), 'http_requests_total', counted)).toBe(rate(before, now, 'http_requests_total', counted))
  expect(spread(folded(now), folded(before))).toEqual(spread(now, before))
  expect(sum(folded(now), 'jobs_total', (labels) => labels.outcome === 'done')).toBe(3)
})
test('a range is compared with what was as long before', () => {
  const list = [0, 10_000, 20_000, 30_000, 200_000].map((at) => scrape(at, 1, 0))
  const steps = stepsOf(list, 20_000, 30_000)
  expect(steps.map(([, one]) => one.at)).toEqual([20_000, 30_000])
  expect(stepsBefore(steps, stepsOf(list, 0, Infinity), 10_000).map((one) => one?.[1].at)).toEqual([10_000, 20_000])
  expect(stepsBefore(stepsOf(list, 200_000, 200_000), stepsOf(list, 0, Infinity), 100_000)).toEqual([null])
})
test('each process tells of itself', () => {
  const samples = parse('holdfast_process_start_time_seconds{worker="1"} 5\nholdfast_db_pool_in_use{worker="1"} 2\nholdfast_db_pool_open{worker="1"} 4\nholdfast_process_start_time_seconds{worker="2"} 6\n')
  expect(processes({ at: 0, samples }).map((one) => [one.worker, one.started, one.connections, one.files])).toEqual([['1', 5000, '2 of 4', null], ['2', 6000, '0 of 0', null]])
})
