/** Addresses of files. Those of protected fields open with a token that is good for a few minutes. */
import { call } from '../api/client'
import type { Field, Row } from '../api/types'

const PICTURE = /\.(png|jpe?g|gif|webp|avif|svg)$/i
export const isPicture = (name: string): boolean => PICTURE.test(name)
const RENEWED_MS = 100_000 // a token is good for two minutes

class FileToken {
  #token = $state('')
  #asked = 0

  /** The token, or nothing while it is on its way: then it comes by itself. */
  get current(): string {
    if (performance.now() - this.#asked > RENEWED_MS || !this.#asked) {
      this.#asked = performance.now()
      void call('post', '/api/files/token')
        .then((found) => (this.#token = found.token))
        .catch(() => (this.#asked = 0))
    }
    return this.#token
  }
}

const token = new FileToken()

/** Where a file is; empty while what opens it is on its way. */
export function fileAddress(row: Row, field: Field, name: string, query = ''): string {
  const path = `/api/files/${encodeURIComponent(String(row.collectionId ?? field.collection ?? ''))}/${row.id}/${encodeURIComponent(name)}`
  if (!field.protected) return path + (query ? `?${query}` : '')
  const opened = token.current
  return opened ? `${path}?${query ? `${query}&` : ''}token=${opened}` : ''
}

export const pictureAddress = (row: Row, field: Field, name: string): string => fileAddress(row, field, name, 'thumb=100x100')
