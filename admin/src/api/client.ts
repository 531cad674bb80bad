/** The API as the console calls it: types from the server's own description, one shape of error. */
import type { paths } from './types.gen'

export type Problem = { code: string; message: string }
export type Problems = { [field: string]: Problem | Problems }
export type Query = Record<string, string | number | boolean | undefined>
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** The paths that take a method. */
type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never }[keyof paths]
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never
type Json<T> = T extends { content: { 'application/json': infer A } } ? A : undefined
type Good<R> = R extends { 200: infer A } ? Json<A> : R extends { 202: infer A } ? Json<A> : undefined
export type Answer<P extends keyof paths, M extends Method> = Operation<P, M> extends { responses: infer R } ? Good<R> : never
export type Body<P extends keyof paths, M extends Method> = Operation<P, M> extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined

/** A refusal of the server. `status` 0 is no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly data: Problems = {},
    readonly requestId = '',
    readonly retryAfter = 0,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message)
  }

  /** What is wrong with one field; nested names are joined by dots. */
  problem(field: string): string {
    let found: Problem | Problems | undefined = this.data
    for (const part of field.split('.')) found = (found as Problems | undefined)?.[part]
    return isProblem(found) ? found.message : ''
  }

  /** Every problem as `[field, sentence]`, nested ones under joined names. */
  get problems(): [string, string][] {
    return flatten(this.data)
  }
}

const isProblem = (found: unknown): found is Problem => typeof (found as Problem | undefined)?.message === 'string' && typeof (found as Problem).code === 'string'

function flatten(data: Problems, under = ''): [string, string][] {
  return Object.entries(data).flatMap(([name, found]) => (isProblem(found) ? [[under + name, found.message] as [string, string]] : flatten(found, `${under}${name}.`)))
}

/** What the status strip shows, and what the shell does when a session has ended. */
export const line = {
  csrf: '',
  /** Of somebody whose records are looked at as they see them; empty for one's own. */
  token: '',
  /** What the audit log has this page called. */
  client: 'console',
  onDone: (_: { ms: number; database?: number; ok: boolean }) => {},
  onExpired: () => {},
  /** Has the person show who they are; whether they did. */
  onProof: async (): Promise<boolean> => false,
}

export type Options = { query?: Query; body?: unknown; form?: FormData; file?: Blob; headers?: Record<string, string>; signal?: AbortSignal | undefined; quiet?: boolean; proved?: boolean; by?: (address: string, init: RequestInit) => Promise<Response> }
export type Reply<T> = { data: T; etag: string; ms: number }

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

// What is seen and written as somebody else: records, and what goes with them, on the screens of data.
const THEIRS = /^\/api\/(collections\/[^/]+\/(records|bulks)|batch$|files\/(token$|uploads)|realtime)/
/** Whether a path is asked for as somebody else now. */
export const isTheirs = (path: string): boolean => line.token !== '' && location.pathname.startsWith('/_/data') && THEIRS.test(path)

/** The headers by which the server knows who asks for a path. */
export const asking = (path: string): Record<string, string> => ({ 'X-Client': line.client, ...(isTheirs(path) ? { Authorization: line.token } : line.csrf ? { 'X-CSRF-Token': line.csrf } : {}) })

/** Any request. Raises ApiError; a request that was aborted raises the browser's own AbortError. */
export async function send<T>(method: string, path: string, options: Options = {}): Promise<Reply<T>> {
  const theirs = isTheirs(path)
  const headers: Record<string, string> = { ...options.headers, ...asking(path) }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  const body = options.file ?? options.form ?? (options.body === undefined ? null : JSON.stringify(options.body))
  const began = performance.now()
  let answer: Response
  try {
    answer = await (options.by ?? fetch)(address(path, options.query), { method, headers, body, signal: options.signal ?? null, credentials: 'same-origin' })
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === 'AbortError') throw failure
    line.onDone({ ms: 0, database: 0, ok: false })
    throw new ApiError(0, 'offline', 'The server does not answer. Is it running?')
  }
  const { ms, database } = measured(answer) ?? { ms: performance.now() - began, database: 0 }
  if (!answer.ok) {
    const failure = await refused(answer, theirs || options.quiet === true)
    // What cannot be taken back asks first who sits there, and goes on then.
    if (failure.code === 'recent_login_needed' && !options.proved && (await line.onProof())) return send<T>(method, path, { ...options, proved: true })
    throw failure
  }
  line.onDone(options.quiet ? { ms: 0, database: 0, ok: true } : { ms, database, ok: true })
  const text = answer.status === 204 ? '' : await answer.text()
  return { data: (text ? JSON.parse(text) : undefined) as T, etag: answer.headers.get('ETag') ?? '', ms }
}

async function refused(answer: Response, quiet: boolean): Promise<ApiError> {
  const found = (await answer.json().catch(() => ({}))) as Partial<ApiError> & Record<string, unknown>
  if (answer.status === 401 && line.csrf && !quiet) line.onExpired()
  line.onDone({ ms: 0, database: 0, ok: true })
  const retry = Number(answer.headers.get('Retry-After')) || 0
  const message = found.message ?? `The server answered ${answer.status}.`
  return new ApiError(answer.status, found.code ?? '', message, found.data ?? {}, found.requestId ?? '', retry, found)
}

/** How long the server took, and the database of that, as it tells superusers. */
function measured(answer: Response): { ms: number; database: number } | undefined {
  const told = answer.headers.get('Server-Timing') ?? ''
  const [database, rest] = ['db', 'app'].map((name) => Number(new RegExp(`\\b${name};dur=([\\d.]+)`).exec(told)?.[1] ?? NaN)) as [number, number]
  return Number.isNaN(database + rest) ? undefined : { ms: database + rest, database }
}

type Typed<P extends keyof paths, M extends Method> = Omit<Options, 'body'> & { params?: Record<string, string>; body?: Body<P, M> }

/** A request to a path of the server's description; its parameters in braces come from `params`. */
export async function call<M extends Method, P extends PathOf<M>>(method: M, path: P, options: Typed<P, M> = {}): Promise<Answer<P, M>> {
  const { params, ...rest } = options
  const filled = (path as string).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ''))
  return (await send<Answer<P, M>>(method.toUpperCase(), filled, rest)).data
}

export const recordsPath = (collection: string, id?: string): string =>
  `/api/collections/${encodeURIComponent(collection)}/records${id === undefined ? '' : `/${encodeURIComponent(id)}`}`

/** A failure in a sentence, with how long the server asks to wait. */
export function said(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure)
  return failure instanceof ApiError && failure.retryAfter ? `${failure.message} Try again in ${failure.retryAfter} s.` : failure.message
}
