import { expect, test } from 'vitest'
import { parse, quantile, rate, routes, spread, sum, type Scrape } from '../src/screens/observe/metrics'

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
