/** A rule as it is best read: one condition on a line, and what is in brackets further in. Only white space changes. */

const PART = /'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|&&|\|\||[()]|\s+|[^\s'"()&|]+|./g
const WIDE = 72 // characters that are read at a glance

type Item = string | Item[]

/** The pieces of a rule, with what is in brackets as lists of their own; null where brackets do not match. */
function nested(parts: string[]): Item[] | null {
  const stack: Item[][] = [[]]
  for (const part of parts) {
    if (part === '(') stack.push([])
    else if (part === ')') {
      const inner = stack.pop()!
      if (!stack.length) return null
      stack.at(-1)!.push(inner)
    } else stack.at(-1)!.push(part)
  }
  return stack.length === 1 ? stack[0]! : null
}

/** On one line, with one space between. */
function flat(items: Item[]): string {
  let text = ''
  items.forEach((item, at) => {
    const before = items[at - 1]
    // What stands before a bracket without a sign between is a function.
    const isCall = Array.isArray(item) && typeof before === 'string' && /\w$/.test(before)
    const tight = at === 0 || isCall || item === ',' || (typeof item === 'string' && item.startsWith(','))
    text += (tight ? '' : ' ') + (Array.isArray(item) ? `(${flat(item)})` : item)
  })
  return text
}

function lines(items: Item[], indent: string): string {
  if (indent.length + flat(items).length <= WIDE) return indent + flat(items)
  const found: string[] = []
  let condition: Item[] = []
  let sign = ''
  const end = (): void => {
    const [only] = condition
    const lead = sign && `${sign} `
    if (condition.length === 1 && Array.isArray(only) && (indent + lead + flat(condition)).length > WIDE) found.push(`${indent}${lead}(\n${lines(only, `${indent}  `)}\n${indent})`)
    else found.push(indent + lead + flat(condition))
    condition = []
  }
  for (const item of items) {
    if (item !== '&&' && item !== '||') {
      condition.push(item)
      continue
    }
    end()
    sign = item
  }
  end()
  return found.join('\n')
}

/** The rule on as many lines as it needs; as it was where it has comments or is not finished. */
export function formatRule(rule: string): string {
  const parts = rule.match(PART) ?? []
  if (parts.some((part) => part.startsWith('//') || /^['"]$/.test(part))) return rule
  const items = nested(parts.filter((part) => part.trim()))
  return items ? lines(items, '') : rule
}

export type Piece = { text: string; kind: 'same' | 'gone' | 'new' }
const MOST_PIECES = 400 // of each side: the table below has their product

/** What became of a rule, word by word: the longest that both have is the same. */
export function difference(before: string, after: string): Piece[] {
  const words = (text: string): string[] => (text.match(PART) ?? []).filter((part) => part.trim())
  const [old, now] = [words(before), words(after)]
  if (old.length > MOST_PIECES || now.length > MOST_PIECES) return [{ text: before, kind: 'gone' }, { text: after, kind: 'new' }]
  const shared = Array.from({ length: old.length + 1 }, () => new Array<number>(now.length + 1).fill(0))
  for (let i = old.length - 1; i >= 0; i--) for (let j = now.length - 1; j >= 0; j--) shared[i]![j] = old[i] === now[j] ? shared[i + 1]![j + 1]! + 1 : Math.max(shared[i + 1]![j]!, shared[i]![j + 1]!)
  const found: Piece[] = []
  const add = (text: string, kind: Piece['kind']): void => {
    const last = found.at(-1)
    if (last?.kind === kind) last.text += ` ${text}`
    else found.push({ text, kind })
  }
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      add(old[i++]!, 'same')
      j++
    } else if (i < old.length && (j === now.length || shared[i + 1]![j]! >= shared[i]![j + 1]!)) add(old[i++]!, 'gone')
    else add(now[j++]!, 'new')
  }
  return found
}
