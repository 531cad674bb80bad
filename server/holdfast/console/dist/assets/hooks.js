import{u as e}from"./value.js";function t(e){return e.error?{word:`cannot send`,edge:`border-danger text-danger`,why:e.error}:e.disabled?{word:`turned off by failures`,edge:`border-danger text-danger`,why:e.disabled}:e.active?e.circuit===`open`?{word:`failing`,edge:`border-brassline text-brass`,why:`Its receiver fails: one delivery at a time is tried, the others wait.`}:{word:`active`,edge:`border-live`,why:``}:{word:`paused`,edge:`border-line2 text-ink3`,why:`Nothing is sent, everything queues.`}}var n={ready:{word:`pending`,edge:`border-line2`,why:`It waits for its turn, its next try, or until the receiver is back.`},leased:{word:`being sent`,edge:`border-petrol`,why:``},delivered:{word:`delivered`,edge:`border-live`,why:``},dead:{word:`given up`,edge:`border-danger text-danger`,why:`It is not tried any more.`}};function r(e,t){return e.state===`ready`&&e.attempts>0?{word:`retrying ${e.attempts}/${t}`,edge:`border-brassline text-brass`,why:e.error}:n[e.state]}function i(t,n=Date.now()){return t.nextAt?new Date(t.nextAt.replace(` `,`T`)).getTime()>n?e(t.nextAt):`as soon as it can be`:``}function a(e){return e<60?`${Math.round(e)} s`:e<3600?`${Math.round(e/60)} min`:e<172800?`${Math.round(e/3600)} h`:`${Math.round(e/86400)} days`}function o(e){let t=0;return e.map(e=>(t+=e,{wait:e?`${a(e)} later`:`at once`,at:t?`after ${a(t)}`:``}))}var s=e=>{try{return new URL(e).host}catch{return e}};function c(e){let t=s(e);return/^http:/i.test(e)?`http is not encrypted: everybody on the way can read what is sent.`:/^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|\[)/i.test(t)?`This is an address of a private network. The server sends there only if its settings name that network (webhook_allow).`:``}var l=e=>`'${e.replaceAll(`'`,`'\\''`)}'`;function u(e,t){let n=Object.entries(e.request.headers??{}).map(([e,t])=>`-H ${l(`${e}: ${t}`)}`);return[`curl -X POST ${l(e.request.url??``)}`,...n,...t===null?[]:[`-d ${l(t)}`]].join(` \\
  `)}function d(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}function f(e){let t=e.response?.status??0;return e.error?e.error:t>=200&&t<300?``:t>=300&&t<400?`The receiver answered ${t}, a redirect: those are not followed. Give the webhook the address that it leads to.`:t===401||t===403?`The receiver answered ${t}: it does not believe the signature, or it wants a header that the webhook does not send.`:t===404?`The receiver answered 404: nothing is at this path.`:t===410?`The receiver answered 410: it wants nothing any more, and the webhook was turned off.`:t===429?`The receiver answered 429: it gets too much. A rate limit on the webhook would hold back.`:`The receiver answered ${t}.`}var p=[`Python`,`JavaScript`,`Any language`];function m(e,t){let n=new URL(t.url).pathname,r=t.events?.[0]??`posts.created`;return e===`Python`?h(n,r):e===`JavaScript`?g(n):_()}var h=(e,t)=>`import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["HOLDFAST_WEBHOOK_SECRET"].removeprefix("whsec_"))


def is_genuine(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    signatures = headers["webhook-signature"].split(" ")
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) <= 300
    return fresh and any(hmac.compare_digest(wanted, one) for one in signatures)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):  # ${e}
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.headers, body):
            return self.send_error(401)
        event = json.loads(body)
        # Events can come twice: keep the webhook-id of those that you have handled.
        print(event["type"], event["record"])  # ${t}
        self.send_response(204)
        self.end_headers()


HTTPServer(("", 8000), Receiver).serve_forever()
`,g=e=>`import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const KEY = Buffer.from(process.env.HOLDFAST_WEBHOOK_SECRET.replace('whsec_', ''), 'base64')

function isGenuine(headers, body) {
  const signed = \`\${headers['webhook-id']}.\${headers['webhook-timestamp']}.\${body}\`
  const wanted = Buffer.from('v1,' + createHmac('sha256', KEY).update(signed).digest('base64'))
  const fresh = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) <= 300
  const same = (one) => one.length === wanted.length && timingSafeEqual(Buffer.from(one), wanted)
  return fresh && headers['webhook-signature'].split(' ').some(same)
}

createServer(async (request, response) => { // ${e}
  const parts = []
  for await (const part of request) parts.push(part)
  const body = Buffer.concat(parts).toString()
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end()
  // Events can come twice: keep request.headers['webhook-id'] of those that you have handled.
  console.log(JSON.parse(body))
  response.writeHead(204).end()
}).listen(8000)
`,_=()=>`1. Take the body as it came, byte for byte.
2. Join with dots: the header webhook-id, the header webhook-timestamp, the body.
3. HMAC-SHA256 of that; the key is the secret without whsec_, decoded from base64.
4. Write it in base64 behind "v1,".
5. The header webhook-signature holds one or more of those with spaces between them:
   yours is among them, compared in constant time, or answer 401.
6. webhook-timestamp is at most 300 seconds away, or answer 401.

Libraries for many languages: https://www.standardwebhooks.com
`;export{i as a,t as c,m as d,c as f,s as i,o as l,u as n,d as o,r,a as s,p as t,f as u};