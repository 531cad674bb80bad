/** Sends a body of files, and tells how much of it has gone: what `fetch` does not. */
export type Sent = { bytes: number; size: number }

export const uploading = (told: (sent: Sent) => void) => (address: string, init: RequestInit): Promise<Response> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const { signal } = init
    const stop = (): void => request.abort()
    request.open(init.method ?? 'POST', address)
    for (const [name, value] of new Headers(init.headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = (event) => told({ bytes: event.loaded, size: event.total })
    request.onload = () => {
      signal?.removeEventListener('abort', stop)
      resolve(new Response(request.status === 204 ? null : request.responseText, { status: request.status, headers: headersOf(request) }))
    }
    // As `fetch` has it: no answer is a TypeError, and what was given up is an AbortError.
    request.onerror = () => reject(new TypeError('The server does not answer.'))
    request.onabort = () => reject(new DOMException('It was given up.', 'AbortError'))
    signal?.addEventListener('abort', stop)
    request.send(init.body as FormData)
  })

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers()
  for (const line of request.getAllResponseHeaders().trim().split(/[\r\n]+/)) {
    const at = line.indexOf(':')
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim())
  }
  return headers
}
