// Text that others wrote (a session its command line, its name, its labels; a user a key), made fit to be read: what a terminal
// acts upon, what turns the direction of writing and what cannot be seen is written out. Done once, where text leaves Corral:
// in all that the commands print (cli/output.ts), in messages of errors (errors.ts) and in the log (log.ts). What is handed to
// programs as data stays as it is.

// Controls (C0, DEL and C1), format characters (bidi controls, zero width, tags), lone surrogates, the separators of lines and
// paragraphs, and all else that Unicode lets a program not show
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

const hex = (code: number) => code.toString(16).padStart(4, '0')
const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function written(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return SHORT[character] ?? (code > 0xffff ? `\\u{${hex(code)}}` : `\\u${hex(code)}`)
}

/** A text on one line, with everything of it to be seen. Twice is the same as once. */
export function printable(text: string): string {
  return text.replace(UNFIT, written)
}

/** As printable(), of all text in a value: for those who print values. Errors stay errors. */
export function printableIn(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(printableIn)
  if (value instanceof Error) return printableError(value)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [printable(name), printableIn(one)]))
}

function printableError(error: Error): Error {
  const copy = Object.create(Object.getPrototypeOf(error), Object.getOwnPropertyDescriptors(error)) as Error
  for (const name of Object.getOwnPropertyNames(error) as (keyof Error)[])
    Object.defineProperty(copy, name, {
      value: name === 'stack' ? printableStack(error) : printableIn(error[name]),
    })
  return copy
}

/** The lines of a stack, of which the first is a message, which can have lines of its own. */
export function stackLines({ name, message, stack = '' }: Error): string[] {
  return [printable(`${name}: ${message}`), ...stack.split('\n').filter((line) => /^ {4}at /.test(line))]
}

const printableStack = (error: Error) => stackLines(error).join('\n')

/** JSON in which nothing stands that a terminal would act upon or not show: \uXXXX means the same to who parses it. */
export function json(value: unknown, indent = 2): string {
  const units = (character: string) => [...character.split('')].map((unit) => `\\u${hex(unit.charCodeAt(0))}`)
  // Of its own JSON has line feeds only, between values
  return JSON.stringify(value, null, indent).replace(UNFIT, (found) =>
    found === '\n' ? found : units(found).join(''),
  )
}

/** The same on one line. */
export const jsonLine = (value: unknown): string => json(value, 0)
