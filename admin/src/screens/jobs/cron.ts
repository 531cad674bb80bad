/** A cron expression in words, where words are clearer than the expression; else the expression itself. */
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const SHORT = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const NAMED: Record<string, string> = { '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *' }

const isNumber = (text: string): boolean => /^\d+$/.test(text)
const clock = (hour: string, minute: string): string => `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`

function joined(list: string[]): string {
  return list.length > 1 ? `${list.slice(0, -1).join(', ')} and ${list.at(-1)}` : (list[0] ?? '')
}

function dayName(text: string): string | null {
  const at = isNumber(text) ? Number(text) : SHORT.indexOf(text.toUpperCase())
  return DAYS[at] ?? null
}

/** The days of `1-5`, `MON,FRI`, `0`; null for what is none of these. */
function weekdays(text: string): string | null {
  const range = /^(\w+)-(\w+)$/.exec(text)
  if (range) {
    const [from, to] = [dayName(range[1]!), dayName(range[2]!)]
    return from && to ? `from ${from} to ${to}` : null
  }
  const names = text.split(',').map(dayName)
  return names.every((name) => name !== null) ? `on ${joined(names as string[])}` : null
}

function times(minute: string, hour: string): string | null {
  if (isNumber(minute) && hour.split(',').every(isNumber)) return `at ${joined(hour.split(',').map((one) => clock(one, minute)))}`
  const step = /^\*\/(\d+)$/.exec(minute)
  if (hour === '*') {
    if (minute === '*') return 'every minute'
    if (step) return `every ${step[1]} minutes`
    if (isNumber(minute)) return minute === '0' ? 'every hour' : `every hour at minute ${minute}`
  }
  const hours = /^\*\/(\d+)$/.exec(hour)
  return hours && isNumber(minute) ? `every ${hours[1]} hours at minute ${minute}` : null
}

export function cronWords(expression: string): string {
  const parts = (NAMED[expression.trim().toLowerCase()] ?? expression).trim().split(/\s+/)
  if (parts.length !== 5) return expression
  const [minute, hour, day, month, weekday] = parts as [string, string, string, string, string]
  const when = times(minute, hour)
  if (!when || month !== '*') return expression
  if (day === '*' && weekday === '*') return when.startsWith('at ') ? `${when} every day` : when
  if (day === '*') {
    const on = weekdays(weekday)
    return on ? `${when} ${on}` : expression
  }
  if (weekday !== '*') return expression
  if (day.toUpperCase() === 'L') return `${when} on the last day of the month`
  return isNumber(day) ? `${when} on day ${day} of the month` : expression
}
