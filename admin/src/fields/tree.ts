/**
 * A filter as a tree, and a tree as a filter: the tokens of the filter bar and its text are two views of one thing.
 *
 * Reading is for drawing alone: what is not understood here is shown as text, and the server has the last word.
 */

export type Comparison = { kind: 'comparison'; left: string; operator: string; right: string; from: number; to: number }
export type Group = { kind: 'all' | 'any'; parts: Tree[]; from: number; to: number }
export type Tree = Comparison | Group
type Token = { sort: 'value' | 'operator' | 'and' | 'or' | 'open' | 'close' | 'comma' | 'end'; text: string; from: number; to: number }

const TOKEN =
  /(?<space>\s+|\/\/[^\n]*)|(?<value>'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[+-]?\d[\d.]*(?:[eE][+-]?\d+)?|\{:\w+\}|@?[^\W\d]\w*(?::\w+)?(?:\.\w+(?::\w+)?)*)|(?<operator>\??(?:!=|>=|<=|!~|=|>|<|~))|(?<and>&&)|(?<or>\|\|)|(?<open>\()|(?<close>\))|(?<comma>,)/uy

function tokens(text: string): Token[] | null {
  const found: Token[] = []
  for (let at = 0; at < text.length; ) {
    TOKEN.lastIndex = at
    const groups = TOKEN.exec(text)?.groups
    const entry = groups && Object.entries(groups).find(([, one]) => one !== undefined)
    if (!entry) return null
    const [sort, one] = entry as [Token['sort'] | 'space', string]
    if (sort !== 'space') found.push({ sort, text: one, from: at, to: at + one.length })
    at += one.length
  }
  found.push({ sort: 'end', text: '', from: text.length, to: text.length })
  return found
}

class Reader {
  #at = 0

  constructor(private readonly list: Token[]) {}

  get #next(): Token {
    return this.list[this.#at]!
  }

  whole(): Tree | null {
    const found = this.#any()
    return this.#next.sort === 'end' ? found : null
  }

  #any(): Tree | null {
    return this.#joined('any', 'or', () => this.#joined('all', 'and', () => this.#one()))
  }

  #joined(kind: Group['kind'], sign: Token['sort'], read: () => Tree | null): Tree | null {
    const parts: Tree[] = []
    for (;;) {
      const part = read()
      if (!part) return null
      parts.push(part)
      if (this.#next.sort !== sign) break
      this.#at++
    }
    if (parts.length === 1) return parts[0]!
    return { kind, parts, from: parts[0]!.from, to: parts.at(-1)!.to }
  }

  #one(): Tree | null {
    const open = this.#next
    if (open.sort !== 'open') return this.#comparison()
    this.#at++
    const found = this.#any()
    const close = this.#next
    if (!found || close.sort !== 'close') return null
    this.#at++
    return { ...found, from: open.from, to: close.to }
  }

  #comparison(): Tree | null {
    const { from } = this.#next
    const left = this.#side()
    const operator = this.#next
    if (left === null || operator.sort !== 'operator') return null
    this.#at++
    const right = this.#side()
    if (right === null) return null
    return { kind: 'comparison', left, operator: operator.text, right, from, to: this.list[this.#at - 1]!.to }
  }

  /** A field, a value, or a function with what stands in its brackets. */
  #side(): string | null {
    const first = this.#next
    if (first.sort !== 'value') return null
    this.#at++
    if (this.#next.sort !== 'open') return first.text
    let depth = 0
    let text = first.text
    do {
      const token = this.#next
      if (token.sort === 'end') return null
      if (token.sort === 'open') depth++
      if (token.sort === 'close') depth--
      text += token.sort === 'comma' ? ', ' : token.text
      this.#at++
    } while (depth > 0)
    return text
  }
}

/** The tree of a filter; null for one that is not understood, such as one that is still being written. */
export function readTree(text: string): Tree | null {
  const found = tokens(text)
  return found && found.length > 1 ? new Reader(found).whole() : null
}

/** The tokens of the bar: all of these have to hold. */
export function parts(tree: Tree | null): Tree[] {
  if (!tree) return []
  return tree.kind === 'all' ? tree.parts : [tree]
}

export function writeTree(tree: Tree, inside: '' | 'all' | 'any' = ''): string {
  if (tree.kind === 'comparison') return `${tree.left} ${tree.operator} ${tree.right}`
  const text = tree.parts.map((part) => writeTree(part, tree.kind)).join(tree.kind === 'all' ? ' && ' : ' || ')
  return inside === 'all' && tree.kind === 'any' && tree.parts.length > 1 ? `(${text})` : text
}

export const comparing = (left: string, operator: string, right: string): Comparison => ({ kind: 'comparison', left, operator, right, from: 0, to: 0 })
export const grouping = (kind: Group['kind'], list: Tree[]): Group => ({ kind, parts: list, from: 0, to: 0 })

/** One more condition: all that was there has to hold as well. */
export function withPart(tree: Tree | null, part: Tree): Tree {
  return tree ? grouping('all', [...parts(tree), ...parts(part)]) : part
}

export function withoutPart(tree: Tree, part: Tree): Tree | null {
  const left = parts(tree).filter((one) => one !== part)
  return left.length > 1 ? grouping('all', left) : (left[0] ?? null)
}

/** What stands in the filter for a value, as people type it. */
export function typedText(right: string): string {
  const found = /^'((?:\\'|[^'])*)'$|^"((?:\\"|[^"])*)"$/.exec(right)
  if (!found) return right
  return (found[1] ?? found[2] ?? '').replace(/\\(['"])/g, '$1')
}
