/** Finds names by some of their letters, in order: the closer together and the nearer to a beginning, the better. */
export function score(name: string, typed: string): number {
  const low = name.toLowerCase()
  let at = -1
  let sum = 0
  for (const letter of typed.toLowerCase().replaceAll(' ', '')) {
    const next = low.indexOf(letter, at + 1)
    if (next < 0) return -1
    const begins = next === 0 || /[\s_.-]/.test(low[next - 1]!)
    sum += (next === at + 1 ? 4 : 0) + (begins ? 3 : 0) + 1 - Math.min(next - at, 10) * 0.05
    at = next
  }
  return sum - low.length * 0.01
}

export function fuzzy<T>(list: T[], typed: string, name: (one: T) => string): T[] {
  if (!typed.trim()) return list
  const found = list.map((one) => ({ one, score: score(name(one), typed) })).filter((entry) => entry.score >= 0)
  return found.sort((a, b) => b.score - a.score).map((entry) => entry.one)
}
