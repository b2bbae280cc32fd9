// Command lines as one string, as older configurations have them.
import { ConfigError } from '../../common/errors.js'

/** The words, as a shell splits them: blanks, quotes and backslashes. @throws ConfigError for a quote that does not end. */
export function splitWords(text: string, where: string): string[] {
  const words: string[] = []
  const pattern = /\s*((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)\s*/sy
  while (pattern.lastIndex < text.trimEnd().length) {
    const [, word] = pattern.exec(text) ?? []
    if (word === undefined) throw new ConfigError(`${where}: expected a closing quote in '${text}'`)
    words.push(unquoted(word))
  }
  return words
}

function unquoted(word: string): string {
  return word.replaceAll(
    /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs,
    (_, escaped: string | undefined, double: string | undefined, single: string | undefined) =>
      escaped ?? single ?? (double ?? '').replaceAll(/\\(["\\])/g, '$1'),
  )
}

export function joinWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./^~-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`))
    .join(' ')
}
