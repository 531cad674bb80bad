/** The licences of what the console is built from, as the build wrote them down. */

export type Library = { name: string; version: string; licence: string; text: string }

const COPYRIGHT = /^\s*(\(c\) ?)?copyright .*$/gim

/** `## name - version (licence)`, and below it the text of the licence, or whose words it has (`shared` in build.ts). */
export function read(text: string): Library[] {
  const found = text.split(/^## /m).slice(1).flatMap((part): Library[] => {
    const end = part.indexOf('\n')
    const [, name, version, licence] = /^(.+) - (\S+) \((.*)\)$/.exec(part.slice(0, end).trim()) ?? []
    return name ? [{ name, version: version!, licence: licence!, text: part.slice(end).trim() }] : []
  })
  const texts = new Map(found.map((one) => [one.name, one.text]))
  return found.map((one) => ({ ...one, text: one.text.replace(/In the words of the licence of (\S+), above\.$/, (said, of: string) => texts.get(of)?.replace(COPYRIGHT, '').trim() ?? said) }))
}
