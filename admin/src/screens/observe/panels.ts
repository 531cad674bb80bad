/** The charts of the metrics: which series of the server each has, and how its newest end follows from what the page sees. */
import { bytes } from '../../fields/value'
import { counted, quantile, rate, spread, sum, type Want } from './metrics'
import type { Line, Value } from './timeline'

export type PanelLine = Line & { label: string; colour: string; shown?: (value: number) => string }
export type Panel = { label: string; unit?: string; series: PanelLine[] }

const status = (first: string): Want => (labels) => labels.status?.startsWith(first) === true && counted(labels)
const outcome = (...wanted: string[]): Want => (labels) => wanted.includes(labels.outcome ?? '')
const gauge = (name: string): Value => (_, now) => sum(now, name)
const grown = (name: string, want?: Want): Value => (before, now) => rate(before, now, name, want)
const within = (part: number): Value => (before, now) => quantile(spread(now, before), part)
const line = (name: string, label: string, colour: string, live: Value | null = null, shown?: (value: number) => string): PanelLine => ({ name, label, colour, live, ...(shown ? { shown } : {}) })

export const PANELS: Panel[] = [
  { label: 'Requests', unit: '/s', series: [
    line('requests_good', 'good', 'petrol', grown('http_requests_total', (labels) => Number(labels.status) < 400 && counted(labels))),
    line('requests_refused', '4xx', 'brass-line', grown('http_requests_total', status('4'))),
    line('requests_failed', '5xx', 'danger', grown('http_requests_total', status('5'))),
  ] },
  { label: 'Time of a request', unit: 'ms', series: [
    line('latency_p50', 'p50', 'petrol', within(0.5)), line('latency_p95', 'p95', 'brass-line', within(0.95)), line('latency_p99', 'p99', 'danger', within(0.99)),
  ] },
  { label: 'Database connections', series: [
    line('pool_in_use', 'working', 'petrol', gauge('db_pool_in_use')), line('pool_open', 'open', 'ink-3', gauge('db_pool_open')), line('pool_waiting', 'waited for', 'danger', gauge('db_pool_waiting')),
  ] },
  { label: 'Work of the database', series: [
    line('database_busy', 'statements at once', 'petrol'), line('database_commits', 'commits a second', 'ink-3'), line('database_rollbacks', 'rollbacks a second', 'danger'),
  ] },
  { label: 'Size of the database', series: [line('database_bytes', 'in all', 'petrol', null, bytes)] },
  { label: 'Events', series: [
    line('events', 'in a second', 'petrol', grown('events_total')), line('events_waiting', 'waiting', 'brass-line', gauge('events_outbox_rows')),
  ] },
  { label: 'Webhooks', unit: '/s', series: [
    line('webhooks_delivered', 'delivered', 'petrol', grown('webhook_deliveries_total', outcome('delivered'))), line('webhooks_failed', 'failed', 'danger', grown('webhook_deliveries_total', outcome('failed', 'dead'))),
  ] },
  { label: 'Success of webhooks', unit: '%', series: [line('webhooks_success', 'taken', 'petrol')] },
  { label: 'Jobs', series: [
    line('jobs_done', 'done a second', 'petrol', grown('jobs_total', outcome('done'))), line('jobs_failed', 'failed a second', 'danger', grown('jobs_total', outcome('failed', 'dead'))), line('jobs_waiting', 'waiting', 'brass-line', gauge('jobs_waiting')),
  ] },
  { label: 'Age of the queues', unit: 's', series: [
    line('jobs_oldest', 'oldest job', 'petrol', gauge('jobs_oldest_ready_seconds')), line('webhooks_oldest', 'oldest delivery', 'brass-line', gauge('webhook_oldest_ready_seconds')), line('events_lag', 'oldest event', 'ink-3', gauge('events_lag_seconds')),
  ] },
  { label: 'Realtime', series: [
    line('lines', 'lines', 'petrol', gauge('realtime_connections')), line('topics', 'topics', 'ink-3', gauge('realtime_topics')), line('messages', 'messages a second', 'brass-line'),
  ] },
  { label: 'Logins', unit: '/min', series: [line('logins', 'came in', 'petrol'), line('logins_failed', 'refused', 'danger')] },
  { label: 'Files', series: [line('files_bytes', 'held', 'petrol', null, bytes)] },
  { label: 'Processor', unit: '%', series: [line('cpu', 'of one core', 'petrol', (before, now) => rate(before, now, 'process_cpu_seconds_total') * 100)] },
  { label: 'Memory', series: [line('memory', 'held', 'petrol', gauge('process_resident_memory_bytes'), bytes)] },
  { label: 'Processes', series: [line('processes', 'alive', 'petrol', gauge('workers'))] },
]
export const NAMES = PANELS.flatMap((panel) => panel.series.map((one) => one.name))
