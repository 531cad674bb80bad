// The digests that a build leaves in BUILD.json. tests/architecture/test_console_build.py makes the same ones without
// Node: a source that was changed without a build is found there.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

export function buildDigests(root: string, dist: string): Plugin {
  return {
    name: 'holdfast-build-digests',
    apply: 'build',
    closeBundle() {
      const build = { sources: digest(root, SOURCES), assets: digest(dist, ['assets', 'index.html']) }
      writeFileSync(join(dist, 'BUILD.json'), JSON.stringify(build) + '\n')
    },
  }
}
