/** Webhooks in words: their state, their tries, and code that is ready to be copied. */
import type { Answer } from '../../api/client'
import { localDate } from '../../fields/value'

export type Webhook = Answer<'/api/webhooks/{id}', 'get'>
export type Stats = Answer<'/api/webhooks/{id}/stats', 'get'>
export type Offer = Answer<'/api/webhooks/events', 'get'>
export type Delivery = Answer<'/api/webhooks/{id}/deliveries/{delivery}/retry', 'post'>
export type DeliveryPage = Answer<'/api/webhooks/deliveries', 'get'>
export type WholeDelivery = Answer<'/api/webhooks/{id}/deliveries/{delivery}', 'get'>
export type Try = WholeDelivery['tries'][number]
/** A word, and the colour of its edge. */
export type Said = { word: string; edge: string; why: string }

/** A state of a webhook as somebody would say it, the most urgent first. */
export function stateOf(hook: Pick<Webhook, 'active' | 'disabled' | 'error' | 'circuit'>): Said {
  if (hook.error) return { word: 'cannot send', edge: 'border-danger text-danger', why: hook.error }
  if (hook.disabled) return { word: 'turned off by failures', edge: 'border-danger text-danger', why: hook.disabled }
  if (!hook.active) return { word: 'paused', edge: 'border-line2 text-ink3', why: 'Nothing is sent, everything queues.' }
  if (hook.circuit === 'open') return { word: 'failing', edge: 'border-brassline text-brass', why: 'Its receiver fails: one delivery at a time is tried, the others wait.' }
  return { word: 'active', edge: 'border-live', why: '' }
}

const STATES: Record<Delivery['state'] & string, Said> = {
  ready: { word: 'pending', edge: 'border-line2', why: 'It waits for its turn, its next try, or until the receiver is back.' },
  leased: { word: 'being sent', edge: 'border-petrol', why: '' },
  delivered: { word: 'delivered', edge: 'border-live', why: '' },
  dead: { word: 'given up', edge: 'border-danger text-danger', why: 'It is not tried any more.' },
}

/** The state of a delivery: one that has failed and waits is retrying. `tries` are how many there are. */
export function deliveryState(one: Pick<Delivery, 'state' | 'attempts' | 'error'>, tries: number): Said {
  if (one.state === 'ready' && one.attempts > 0) return { word: `retrying ${one.attempts}/${tries}`, edge: 'border-brassline text-brass', why: one.error }
  return STATES[one.state]
}

/** When a delivery is tried next: one that is due waits for its turn, or until its receiver is back. */
export function nextTry(one: Pick<Delivery, 'nextAt'>, now = Date.now()): string {
  if (!one.nextAt) return ''
  return new Date(one.nextAt.replace(' ', 'T')).getTime() > now ? localDate(one.nextAt) : 'as soon as it can be'
}

/** `5 s`, `30 min`, `2 h`. */
export function span(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

/** When each try comes, counted from the first. */
export function timeline(waits: number[]): { wait: string; at: string }[] {
  let sum = 0
  return waits.map((wait) => {
    sum += wait
    return { wait: wait ? `${span(wait)} later` : 'at once', at: sum ? `after ${span(sum)}` : '' }
  })
}

export const hostOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

/** What to think of before events go to an address; empty where nothing is. The server has the last word. */
export function warning(url: string): string {
  const host = hostOf(url)
  if (/^http:/i.test(url)) return 'http is not encrypted: everybody on the way can read what is sent.'
  if (/^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|\[)/i.test(host)) return 'This is an address of a private network. The server sends there only if its settings name that network (webhook_allow).'
  return ''
}

const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** A request that was made, as a command. Its signature is not kept, so it is not in it. */
export function curl(one: Try, body: string | null): string {
  const headers = Object.entries(one.request.headers ?? {}).map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`)
  const lines = [`curl -X POST ${shell(one.request.url ?? '')}`, ...headers, ...(body === null ? [] : [`-d ${shell(body)}`])]
  return lines.join(' \\\n  ')
}

export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** Why a try failed, and in which part of it, in words; empty for one that did not. */
export function tryWords(one: Try): string {
  const status = one.response?.status ?? 0
  if (one.error) return one.error
  if (status >= 200 && status < 300) return ''
  if (status >= 300 && status < 400) return `The receiver answered ${status}, a redirect: those are not followed. Give the webhook the address that it leads to.`
  if (status === 401 || status === 403) return `The receiver answered ${status}: it does not believe the signature, or it wants a header that the webhook does not send.`
  if (status === 404) return 'The receiver answered 404: nothing is at this path.'
  if (status === 410) return 'The receiver answered 410: it wants nothing any more, and the webhook was turned off.'
  if (status === 429) return 'The receiver answered 429: it gets too much. A rate limit on the webhook would hold back.'
  return `The receiver answered ${status}.`
}

export type Language = 'Python' | 'JavaScript' | 'Any language'
export const LANGUAGES: Language[] = ['Python', 'JavaScript', 'Any language']

/** Code that verifies what comes from a webhook. Its secret comes from the environment: it is shown once, and not here. */
export function verifier(language: Language, hook: Pick<Webhook, 'url' | 'events'>): string {
  const path = new URL(hook.url).pathname
  const type = hook.events?.[0] ?? 'posts.created'
  return language === 'Python' ? python(path, type) : language === 'JavaScript' ? javascript(path) : steps()
}

const python = (path: string, type: string): string => `import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["HOLDFAST_WEBHOOK_SECRET"].removeprefix("whsec_"))


def is_genuine(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    signatures = headers["webhook-signature"].split(" ")
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) <= 300
    return fresh and any(hmac.compare_digest(wanted, one) for one in signatures)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):  # ${path}
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.headers, body):
            return self.send_error(401)
        event = json.loads(body)
        # Events can come twice: keep the webhook-id of those that you have handled.
        print(event["type"], event["record"])  # ${type}
        self.send_response(204)
        self.end_headers()


HTTPServer(("", 8000), Receiver).serve_forever()
`

const javascript = (path: string): string => `import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const KEY = Buffer.from(process.env.HOLDFAST_WEBHOOK_SECRET.replace('whsec_', ''), 'base64')

function isGenuine(headers, body) {
  const signed = \`\${headers['webhook-id']}.\${headers['webhook-timestamp']}.\${body}\`
  const wanted = Buffer.from('v1,' + createHmac('sha256', KEY).update(signed).digest('base64'))
  const fresh = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) <= 300
  const same = (one) => one.length === wanted.length && timingSafeEqual(Buffer.from(one), wanted)
  return fresh && headers['webhook-signature'].split(' ').some(same)
}

createServer(async (request, response) => { // ${path}
  const parts = []
  for await (const part of request) parts.push(part)
  const body = Buffer.concat(parts).toString()
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end()
  // Events can come twice: keep request.headers['webhook-id'] of those that you have handled.
  console.log(JSON.parse(body))
  response.writeHead(204).end()
}).listen(8000)
`

const steps = (): string => `1. Take the body as it came, byte for byte.
2. Join with dots: the header webhook-id, the header webhook-timestamp, the body.
3. HMAC-SHA256 of that; the key is the secret without whsec_, decoded from base64.
4. Write it in base64 behind "v1,".
5. The header webhook-signature holds one or more of those with spaces between them:
   yours is among them, compared in constant time, or answer 401.
6. webhook-timestamp is at most 300 seconds away, or answer 401.

Libraries for many languages: https://www.standardwebhooks.com
`
