/** A plan of PostgreSQL as rows of a tree: what each step does, what it costs, how far the guess was off. */
export type Node = { 'Node Type': string; Plans?: Node[]; [key: string]: unknown }
export type Step = { depth: number; what: string; about: string; cost: number; rows: number; actual: number | null; ms: number | null; share: number }

const ABOUT = ['Relation Name', 'Index Name', 'Index Cond', 'Filter', 'Hash Cond', 'Join Type', 'Sort Key', 'Group Key', 'CTE Name', 'Function Name']

export function steps(root: Node): Step[] {
  const whole = number(root['Actual Total Time']) ?? number(root['Total Cost']) ?? 1
  const found: Step[] = []
  walk(root, 0, whole || 1, found)
  return found
}

function walk(node: Node, depth: number, whole: number, found: Step[]): void {
  const inner = node.Plans ?? []
  const measured = number(node['Actual Total Time'])
  const own = (value: (one: Node) => number): number => Math.max(0, value(node) - inner.reduce((sum, one) => sum + value(one), 0))
  const time = (one: Node): number => (number(one['Actual Total Time']) ?? 0) * (number(one['Actual Loops']) ?? 1)
  const cost = (one: Node): number => number(one['Total Cost']) ?? 0
  found.push({
    depth,
    what: node['Node Type'],
    about: ABOUT.filter((key) => node[key] !== undefined).map((key) => (Array.isArray(node[key]) ? (node[key] as unknown[]).join(', ') : String(node[key]))).join(' · '),
    cost: cost(node),
    rows: number(node['Plan Rows']) ?? 0,
    actual: number(node['Actual Rows']),
    ms: measured === null ? null : time(node),
    share: Math.min(1, own(measured === null ? cost : time) / whole),
  })
  for (const one of inner) walk(one, depth + 1, whole, found)
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** SQL that is kept on the server. */
export type Query = { id: string; name: string; sql: string; shared: boolean; mine: boolean; updated?: string | undefined }
