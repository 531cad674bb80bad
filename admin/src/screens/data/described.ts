/** What the server's own description says of one call: its parameters, and what it answers. */
type Parameter = { name: string; in: string; description?: string; schema: { default?: unknown; enum?: unknown[] } }
type Refusal = { status: number; code: string; when: string }
type Reference = { $ref?: string }
type Told = { parameters?: (Parameter & Reference)[]; responses: Record<string, { description: string } & Reference>; 'x-errors'?: string[] }
export type Description = { paths: Record<string, Record<string, unknown>>; components: Record<string, Record<string, unknown>> }
type About = { parameters: { name: string; in: string; description: string; usual: string }[]; answers: { status: string; code: string; text: string }[] }

export function described(document: Description, path: string, method: string): About | null {
  const found = document.paths[path]?.[method.toLowerCase()] as Told | undefined
  if (!found) return null
  const real = <T extends Reference>(one: T): T => {
    const [, , kind = '', name = ''] = one.$ref?.split('/') ?? []
    return (document.components[kind]?.[name] as T | undefined) ?? one
  }
  const refusals = (found['x-errors'] ?? []).map((name) => document.components['x-errors']?.[name] as Refusal)
  return {
    parameters: (found.parameters ?? []).map(real).map(({ name, in: place, description = '', schema }) => ({ name, in: place, description, usual: String(schema.default ?? '') })),
    answers: Object.entries(found.responses).flatMap(([status, one]) => {
      const codes = refusals.filter((refusal) => String(refusal.status) === status)
      return codes.length ? codes.map(({ code, when }) => ({ status, code, text: when })) : [{ status, code: '', text: real(one).description }]
    }),
  }
}
