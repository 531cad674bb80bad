/** A restore that this tab has begun: what lets it be watched without a login, which the restore ends. */
import type { Job } from './backups'

const KEY = 'holdfast.restore'

export const watching = {
  keep(job: Job): void {
    sessionStorage.setItem(KEY, JSON.stringify({ id: job.id, watch: job.watch ?? '' }))
  },
  /** The secret of this job; empty where another tab has begun it. */
  of(id: string): string {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as { id?: string; watch?: string }
      return found.id === id ? (found.watch ?? '') : ''
    } catch {
      return ''
    }
  },
  end(): void {
    sessionStorage.removeItem(KEY)
  },
}
