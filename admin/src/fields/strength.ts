/** How hard a password is to guess, roughly and here in the browser: it is sent nowhere to find out. */

export type Strength = { score: 0 | 1 | 2 | 3 | 4; words: string }
const COMMON = ['password', 'passwort', 'welcome', 'qwerty', 'qwertz', 'letmein', 'iloveyou', 'monkey', 'dragon', 'football', 'admin', 'holdfast', 'changeme', 'secret', 'abc123', '123456', 'login', 'master', 'hello', 'test']
const ROWS = ['abcdefghijklmnopqrstuvwxyz', '0123456789', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm']
const BITS = [28, 40, 55, 75] // the bounds between the words

/** Whether two characters follow each other, as in `abc`, `321`, `qwe`, or are the same. */
function isStep(before: string, now: string): boolean {
  const pair = (before + now).toLowerCase()
  return before === now || ROWS.some((row) => row.includes(pair) || row.includes(pair[1]! + pair[0]!))
}

/** What is well known in it counts as one character: common words, years, the names of its owner. */
function folded(password: string, known: string[]): string {
  const words = [...known.flatMap((one) => one.toLowerCase().split(/[^\p{L}\p{N}]+/u)).filter((one) => one.length > 3), ...COMMON]
  const plain = password.toLowerCase().replace(/[@4]/g, 'a').replace(/0/g, 'o').replace(/\$/g, 's').replace(/3/g, 'e')
  let text = [...password]
  for (const word of words) {
    for (const looked of [password.toLowerCase(), plain]) {
      const at = looked.indexOf(word)
      if (at >= 0) text = text.map((one, index) => (index > at && index < at + word.length ? '' : one))
    }
  }
  return text.join('').replace(/(19|20)\d\d/g, '9')
}

/** `known` are texts that others know of its owner, such as the email. */
export function strengthOf(password: string, least = 8, known: string[] = []): Strength {
  const length = [...password].length
  if (length < least) return { score: 0, words: `${least - length} more ${least - length === 1 ? 'character is' : 'characters are'} needed` }
  const text = [...folded(password, known)]
  const classes: [RegExp, number][] = [[/\p{Ll}/u, 26], [/\p{Lu}/u, 26], [/\d/, 10], [/[^\p{L}\d]/u, 33]]
  const pool = classes.reduce((sum, [kind, size]) => sum + (kind.test(password) ? size : 0), 0) || 1
  const counted = text.reduce((sum, one, at) => sum + (at > 0 && isStep(text[at - 1]!, one) ? 0.25 : 1), 0)
  const bits = counted * Math.log2(pool)
  const score = BITS.filter((bound) => bits >= bound).length as Strength['score']
  return { score, words: ['Easy to guess', 'Easy to guess', 'Fair: longer is better', 'Good', 'Strong'][score]! }
}
