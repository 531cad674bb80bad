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
type Good<R> = R extends { 200: infer A } ? Json<A> : undefined
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
  onDone: (_: { ms: number; ok: boolean }) => {},
  onExpired: () => {},
}

export type Options = { query?: Query; body?: unknown; form?: FormData; headers?: Record<string, string>; signal?: AbortSignal | undefined; quiet?: boolean }
export type Reply<T> = { data: T; etag: string; ms: number }

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

/** Any request. Raises ApiError; a request that was aborted raises the browser's own AbortError. */
export async function send<T>(method: string, path: string, options: Options = {}): Promise<Reply<T>> {
  const headers: Record<string, string> = { ...options.headers }
  if (line.csrf) headers['X-CSRF-Token'] = line.csrf
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  const body = options.form ?? (options.body === undefined ? null : JSON.stringify(options.body))
  const began = performance.now()
  let answer: Response
  try {
    answer = await fetch(address(path, options.query), { method, headers, body, signal: options.signal ?? null, credentials: 'same-origin' })
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === 'AbortError') throw failure
    line.onDone({ ms: 0, ok: false })
    throw new ApiError(0, 'offline', 'The server does not answer. Is it running?')
  }
  const ms = measured(answer) ?? performance.now() - began
  if (!answer.ok) throw await refused(answer, options)
  line.onDone({ ms, ok: true })
  const text = answer.status === 204 ? '' : await answer.text()
  return { data: (text ? JSON.parse(text) : undefined) as T, etag: answer.headers.get('ETag') ?? '', ms }
}

async function refused(answer: Response, options: Options): Promise<ApiError> {
  const found = (await answer.json().catch(() => ({}))) as Partial<ApiError> & Record<string, unknown>
  if (answer.status === 401 && line.csrf && !options.quiet) line.onExpired()
  line.onDone({ ms: 0, ok: true })
  const retry = Number(answer.headers.get('Retry-After')) || 0
  const message = found.message ?? `The server answered ${answer.status}.`
  return new ApiError(answer.status, found.code ?? '', message, found.data ?? {}, found.requestId ?? '', retry, found)
}

/** The time that the database took, as the server tells superusers. */
function measured(answer: Response): number | undefined {
  const found = /app;dur=([\d.]+)/.exec(answer.headers.get('Server-Timing') ?? '')
  return found ? Number(found[1]) : undefined
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

export const said = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure))
