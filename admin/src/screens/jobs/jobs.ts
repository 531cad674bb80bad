/** Jobs in words. */
import type { Answer } from '../../api/client'

export type Job = Answer<'/api/jobs/{id}', 'get'>
export type JobStats = Answer<'/api/jobs/stats', 'get'>

type Said = { word: string; edge: string }
export function stateOf(job: Pick<Job, 'state' | 'attempts'>): Said {
  switch (job.state) {
    case 'running':
      return { word: 'running', edge: 'border-petrol' }
    case 'done':
      return { word: 'done', edge: 'border-live' }
    case 'dead':
      return { word: 'dead', edge: 'border-danger text-danger' }
    default:
      return job.attempts ? { word: 'to be tried again', edge: 'border-brassline text-brass' } : { word: 'waiting', edge: 'border-line2' }
  }
}

/** `2/10`, or `2` where nobody knows how many there are: its plugin is off. */
export const attempts = (job: Pick<Job, 'attempts' | 'maxAttempts'>): string => (job.maxAttempts ? `${job.attempts}/${job.maxAttempts}` : String(job.attempts))

/** How long an attempt took; empty while it has not ended. */
export function took(job: Pick<Job, 'started' | 'finished'>): string {
  if (!job.started || !job.finished) return ''
  const ms = new Date(job.finished.replace(' ', 'T')).getTime() - new Date(job.started.replace(' ', 'T')).getTime()
  return ms < 0 ? '' : ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`
}
