/** Which way a text is written. */
const LONG = 10_000 // characters; of a megabyte, Chromium takes ten seconds to find out by itself (version 156)
const LOOKED_AT = 1000
const LETTER = /\p{L}/u
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u

/** The value of `dir`: the browser finds it, but for long texts, where their first letter says. */
export function direction(text: string): 'auto' | 'ltr' | 'rtl' {
  if (text.length < LONG) return 'auto'
  return RIGHT_TO_LEFT.test(LETTER.exec(text.slice(0, LOOKED_AT))?.[0] ?? '') ? 'rtl' : 'ltr'
}
