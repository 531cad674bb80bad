// What a build does after Vite has: licences that say the same are there once, and BUILD.json has the digests that
// tests/architecture/test_console_build.py makes without Node: a source that was changed without a build is found there.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Plugin } from 'vite'

const SOURCES = ['api.json', 'build.ts', 'index.html', 'package-lock.json', 'package.json', 'src', 'tsconfig.json', 'vite.config.ts']

function files(path: string): string[] {
  try {
    return readdirSync(path).flatMap((name) => files(join(path, name)))
  } catch {
    return [path]
  }
}

/** One digest over all files below these paths: each by its name and what it holds, in the order of the names. */
export function digest(root: string, paths: readonly string[]): string {
  const names = paths.flatMap((path) => files(join(root, path))).map((path) => path.slice(root.length + 1))
  const sum = createHash('sha256')
  for (const name of names.sort()) {
    const content = readFileSync(join(root, name))
    sum.update(`${name}\0${content.length}\0`).update(content)
  }
  return sum.digest('hex')
}

const COPYRIGHT = /^\s*(\(c\) ?)?copyright .*$/gim

/** The licences, where a text that differs from an earlier one in nothing but whose it is says so, and names that one. */
export function shared(licences: string): string {
  const [head = '', ...sections] = licences.split(/^(?=## )/m)
  const first = new Map<string, string>()
  const told = sections.map((section) => {
    const [title = ''] = section.split('\n', 1)
    const text = section.slice(title.length).replace(COPYRIGHT, '').replace(/\s+/g, ' ').trim()
    const same = first.get(text)
    if (text && same === undefined) first.set(text, title.replace(/^## | - .*/g, ''))
    if (!text || same === undefined) return section
    const whose = (section.match(COPYRIGHT) ?? []).join('\n')
    return `${title}\n\n${whose ? whose + '\n\n' : ''}In the words of the licence of ${same}, above.\n\n`
  })
  return head + told.join('')
}

const ICON = /@lucide\/svelte\/dist\/icons\/[^/?]+\.js/

/** Lucide's icons drawn by a component of ours: theirs wraps each of them in 300 bytes, and brings 3 kB for what we never ask of it. */
export function icons(root: string): Plugin {
  return {
    name: 'holdfast-icons',
    enforce: 'pre',
    load(id) {
      const [path = ''] = ICON.test(id) ? id.split('?') : []
      if (!path) return
      // An icon that has got another name leads to the file of that.
      const file = /"\.\/(.+\.svelte)"/.exec(readFileSync(path, 'utf8'))?.[1] ?? ''
      const data = /iconData = (.+);/.exec(readFileSync(join(dirname(path), file), 'utf8'))?.[1]
      if (!data) throw new Error(`${id} has no shapes where they used to be.`)
      const { node } = JSON.parse(data) as { node: unknown }
      return `import Shape from ${JSON.stringify(join(root, 'src/ui/Shape.svelte'))}
export default (anchor, props) => Shape(anchor, Object.assign(props, { nodes: ${JSON.stringify(node)} }))`
    },
  }
}

export function finishBuild(root: string, dist: string): Plugin {
  return {
    name: 'holdfast-finish-build',
    apply: 'build',
    closeBundle() {
      const licences = join(dist, 'assets', 'licences.md')
      writeFileSync(licences, shared(readFileSync(licences, 'utf8')))
      const build = { sources: digest(root, SOURCES), assets: digest(dist, ['assets', 'index.html']) }
      writeFileSync(join(dist, 'BUILD.json'), JSON.stringify(build) + '\n')
    },
  }
}
