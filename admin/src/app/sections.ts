/** The sections of the console, in the order of the rail. One is here exactly if its screens are. */
import Activity from '@lucide/svelte/icons/activity'
import Clock from '@lucide/svelte/icons/clock'
import House from '@lucide/svelte/icons/house'
import Plug from '@lucide/svelte/icons/plug'
import Files from '@lucide/svelte/icons/files'
import Settings from '@lucide/svelte/icons/settings'
import Shield from '@lucide/svelte/icons/shield'
import Table from '@lucide/svelte/icons/table-2'
import Users from '@lucide/svelte/icons/users'
import Webhook from '@lucide/svelte/icons/webhook'

export const SECTIONS = [
  { id: 'home', name: 'Home', path: '/', key: 'h', icon: House, low: false },
  { id: 'data', name: 'Data', path: '/data', key: 'd', icon: Table, low: false },
  { id: 'access', name: 'Access', path: '/access/rules', key: 'a', icon: Shield, low: false },
  { id: 'users', name: 'Users', path: '/users', key: 'u', icon: Users, low: false },
  { id: 'files', name: 'Files', path: '/files', key: 'f', icon: Files, low: false },
  { id: 'webhooks', name: 'Webhooks', path: '/webhooks', key: 'w', icon: Webhook, low: false },
  { id: 'jobs', name: 'Jobs', path: '/jobs', key: 'j', icon: Clock, low: false },
  { id: 'observe', name: 'Observe', path: '/observe/logs', key: 'o', icon: Activity, low: false },
  { id: 'plugins', name: 'Plugins', path: '/plugins', key: 'p', icon: Plug, low: true },
  { id: 'settings', name: 'Settings', path: '/settings', key: ',', icon: Settings, low: false },
] as const

/** The pages of sections that have several, each with its address. */
export const PAGES: Record<string, readonly (readonly [path: string, name: string])[]> = {
  webhooks: [['/webhooks', 'Endpoints'], ['/webhooks/deliveries', 'Deliveries'], ['/webhooks/events', 'Events']],
  jobs: [['/jobs', 'Queue'], ['/jobs/schedules', 'Schedules'], ['/jobs/workers', 'Processes']],
  observe: [['/observe/logs', 'Logs'], ['/observe/metrics', 'Metrics'], ['/observe/realtime', 'Realtime'], ['/audit', 'Audit'], ['/observe/sql', 'SQL']],
}

/** What the audit log can be narrowed to, and the sections of the settings. */
export const AUDITED = [['', 'Everything'], ['auth.*', 'Logins'], ['superuser.*', 'Superusers'], ['collection.*', 'Collections'], ['bulk.*', 'Many records'], ['key.*', 'API keys'], ['role.*', 'Roles'], ['realtime.*', 'Realtime'], ['settings.*', 'Settings'], ['plugin.*', 'Plugins'], ['webhook.*', 'Webhooks'], ['job.*', 'Jobs'], ['backup.*', 'Backups'], ['sql.*', 'SQL']] as const
export const SETTINGS = [['meta', 'General'], ['smtp', 'Mail'], ['s3', 'Files'], ['rateLimits', 'Rate limits'], ['logs', 'Log'], ['batch', 'Batches'], ['startup', 'Server'], ['look', 'This browser'], ['about', 'About']] as const
