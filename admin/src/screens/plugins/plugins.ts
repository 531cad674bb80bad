/** Plugins in words. */
import type { Answer } from '../../api/client'

export type Plugin = Answer<'/api/plugins/{plugin}', 'get'>

export function stateOf(plugin: Pick<Plugin, 'enabled' | 'active' | 'error'>): { word: string; edge: string } {
  if (!plugin.enabled) return { word: 'off', edge: 'border-line2 text-ink3' }
  if (!plugin.active) return { word: 'did not start', edge: 'border-danger text-danger' }
  return plugin.error ? { word: 'on, with a fault', edge: 'border-brassline text-brass' } : { word: 'on', edge: 'border-live' }
}

/** As their hooks are called: the lowest first, then by name; those that are off after them. */
export function ordered<P extends Pick<Plugin, 'enabled' | 'priority' | 'name'>>(list: P[]): P[] {
  return [...list].sort((a, b) => Number(b.enabled) - Number(a.enabled) || a.priority - b.priority || (a.name < b.name ? -1 : 1))
}
