/** The diagram as values: what is drawn, where, and what it is as text. No DOM. */
import type { Collection, Field } from '../../api/types'
import type { Folder } from '../../app/session.svelte'
import { isMany } from '../../fields/kinds'

export type Place = { x: number; y: number }
export type Link = { id: string; from: Collection; field: Field; to: Collection }
export const NODE_PX = 220
export const ROW_PX = 24
export const HEAD_PX = 34
export const COMPACT_ABOVE = 150 // collections

/** The relations between these collections. */
export function linksOf(collections: Collection[]): Link[] {
  return collections.flatMap((from) =>
    from.fields.flatMap((field): Link[] => {
      const to = field.type === 'relation' ? collections.find((one) => one.id === field.collectionId || one.name === field.collectionId) : undefined
      return to ? [{ id: `${from.id} ${field.id}`, from, field, to }] : []
    }),
  )
}

/** The fields that a node shows: all, or only those by which collections hang together. */
export function shownFields(collection: Collection, compact: boolean): Field[] {
  const all = collection.fields.filter((field) => field.name !== 'tokenKey' && field.type !== 'password')
  return compact ? all.filter((field) => field.name === 'id' || field.type === 'relation') : all
}

export const heightOf = (collection: Collection, compact: boolean): number => HEAD_PX + shownFields(collection, compact).length * ROW_PX + 6

export type Ground = { id: string; name: string; x: number; y: number; width: number; height: number }
const AROUND_PX = 20
const NAME_PX = 34

/** What each folder covers: all of its collections that are drawn, with room for its name above them. */
export function grounds(folders: Folder[], collections: Collection[], places: Record<string, Place>, compact: boolean): Ground[] {
  return folders.flatMap(({ id, name, collections: ids }): Ground[] => {
    const own = collections.filter((one) => ids.includes(one.id) && places[one.id])
    if (!own.length) return []
    const at = own.map((one) => places[one.id]!)
    const [x, y] = [Math.min(...at.map((place) => place.x)) - AROUND_PX, Math.min(...at.map((place) => place.y)) - NAME_PX]
    const right = Math.max(...at.map((place) => place.x)) + NODE_PX + AROUND_PX
    const bottom = Math.max(...own.map((one) => places[one.id]!.y + heightOf(one, compact))) + AROUND_PX
    return [{ id, name, x, y, width: right - x, height: bottom - y }]
  })
}

/** Collections that have no place yet come into rows below those that have one. */
export function placed(collections: Collection[], kept: Record<string, Place>, arranged: Record<string, Place>, compact: boolean): Record<string, Place> {
  const known = collections.filter((one) => kept[one.id])
  if (!known.length) return arranged
  const below = Math.max(...known.map((one) => kept[one.id]!.y + heightOf(one, compact))) + 60
  const left = Math.min(...known.map((one) => kept[one.id]!.x))
  const found: Record<string, Place> = {}
  let next = 0
  for (const one of collections) found[one.id] = kept[one.id] ?? { x: left + (next % 4) * (NODE_PX + 60), y: below + Math.floor(next++ / 4) * 260 }
  return found
}

const KINDS: Record<string, string> = { number: 'number', decimal: 'decimal', bool: 'bool', date: 'datetime', autodate: 'datetime', json: 'json' }

/** The diagram as Mermaid writes it. */
export function mermaid(collections: Collection[]): string {
  const entities = collections.map((one) => {
    const fields = one.fields.map((field) => `    ${KINDS[field.type] ?? field.type} ${field.name}${field.name === 'id' ? ' PK' : field.type === 'relation' ? ' FK' : field.unique ? ' UK' : ''}`)
    return [`  ${one.name} {`, ...fields, '  }'].join('\n')
  })
  const links = linksOf(collections).map(({ from, field, to }) => `  ${from.name} ${isMany(field) ? '}o--o{' : field.required ? '}o--||' : '}o--o|'} ${to.name} : ${field.name}`)
  return ['erDiagram', ...entities, ...links].join('\n') + '\n'
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** The diagram as a picture that stands alone. */
export function svg(collections: Collection[], places: Record<string, Place>, compact: boolean, dark: boolean, folders: Folder[] = []): string {
  const there = collections.filter((one) => places[one.id])
  const colours = dark ? { bg: '#101416', box: '#1a2024', line: '#3b454c', ink: '#e7ecea', hint: '#98a4a1', link: '#5cc3cc' } : { bg: '#eff0ec', box: '#ffffff', line: '#c2c6bb', ink: '#16201f', hint: '#59635f', link: '#0b5a63' }
  const left = Math.min(...there.map((one) => places[one.id]!.x)) - 40
  const top = Math.min(...there.map((one) => places[one.id]!.y)) - 40
  const right = Math.max(...there.map((one) => places[one.id]!.x + NODE_PX)) + 40
  const bottom = Math.max(...there.map((one) => places[one.id]!.y + heightOf(one, compact))) + 40
  const ground = grounds(folders, there, places, compact).map((one) => `<rect x="${one.x}" y="${one.y}" width="${one.width}" height="${one.height}" rx="8" fill="none" stroke="${colours.line}" stroke-dasharray="4"/><text x="${one.x + 12}" y="${one.y + 20}" fill="${colours.hint}" font-weight="600">${escape(one.name)}</text>`)
  const boxes = there.map((one) => {
    const { x, y } = places[one.id]!
    const fields = shownFields(one, compact)
    const rows = fields.map((field, at) => `<text x="${x + 12}" y="${y + HEAD_PX + at * ROW_PX + 16}" fill="${colours.ink}">${escape(field.name)}</text><text x="${x + NODE_PX - 12}" y="${y + HEAD_PX + at * ROW_PX + 16}" fill="${colours.hint}" text-anchor="end">${escape(field.type)}</text>`)
    return `<rect x="${x}" y="${y}" width="${NODE_PX}" height="${heightOf(one, compact)}" rx="4" fill="${colours.box}" stroke="${colours.line}"/><text x="${x + 12}" y="${y + 22}" fill="${colours.ink}" font-weight="600">${escape(one.name)}</text>${rows.join('')}`
  })
  const lines = linksOf(there).map(({ from, field, to }) => {
    const a = places[from.id]!
    const b = places[to.id]!
    const y1 = a.y + HEAD_PX + shownFields(from, compact).findIndex((one) => one.id === field.id) * ROW_PX + 12
    const y2 = b.y + HEAD_PX + 12
    const [x1, x2] = a.x + NODE_PX / 2 <= b.x + NODE_PX / 2 ? [a.x + NODE_PX, b.x] : [a.x, b.x + NODE_PX]
    const bend = Math.max(40, Math.abs(x2 - x1) / 2) * (x1 === a.x ? -1 : 1)
    return `<path d="M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="${colours.link}"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${right - left} ${bottom - top}" font-family="system-ui, sans-serif" font-size="13"><rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="${colours.bg}"/>${ground.join('')}${lines.join('')}${boxes.join('')}</svg>\n`
}
