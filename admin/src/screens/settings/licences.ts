/** The licences of what the console is built from, as the build wrote them down. */

export type Library = { name: string; version: string; licence: string; text: string }

/** `## name - version (licence)`, and the text of the licence below it. */
export function read(text: string): Library[] {
  return text.split(/^## /m).slice(1).flatMap((part): Library[] => {
    const end = part.indexOf('\n')
    const [, name, version, licence] = /^(.+) - (\S+) \((.*)\)$/.exec(part.slice(0, end).trim()) ?? []
    return name ? [{ name, version: version!, licence: licence!, text: part.slice(end).trim() }] : []
  })
}
