/** The sections of the console, in the order of the rail. One is here exactly if its screens are. */
import FileText from '@lucide/svelte/icons/file-text'
import Settings from '@lucide/svelte/icons/settings'
import Shield from '@lucide/svelte/icons/shield'
import Table from '@lucide/svelte/icons/table-2'

export const SECTIONS = [
  { id: 'data', name: 'Data', path: '/data', key: 'd', icon: Table, low: false },
  { id: 'access', name: 'Access', path: '/access/rules', key: 'a', icon: Shield, low: false },
  { id: 'audit', name: 'Audit', path: '/audit', key: 'o', icon: FileText, low: false },
  { id: 'settings', name: 'Settings', path: '/settings', key: ',', icon: Settings, low: true },
] as const

/** What the audit log can be narrowed to, and the sections of the settings. */
export const AUDITED = [['', 'Everything'], ['auth.*', 'Logins'], ['collection.*', 'Collections'], ['key.*', 'API keys'], ['role.*', 'Roles'], ['settings.*', 'Settings'], ['webhook.*', 'Webhooks']] as const
export const SETTINGS = [['meta', 'General'], ['smtp', 'Mail'], ['s3', 'Files'], ['rateLimits', 'Rate limits'], ['batch', 'Batches'], ['look', 'This browser']] as const
