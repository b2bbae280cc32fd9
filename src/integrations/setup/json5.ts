// JSON5 (json5.org) with the places of all that is in it, so that a value can be changed and every other byte stays: what
// people write by hand has comments in it.
import { ConfigError } from '../../common/errors.js'

/** Offsets into the text; `end` is the first one after it. */
export interface Span {
  start: number
  end: number
}

export type Json5Node = Span &
  (
    | { kind: 'object'; members: Member[] }
    | { kind: 'array'; items: Json5Node[] }
    | { kind: 'scalar'; value: string | number | boolean | null }
  )

export type ObjectNode = Extract<Json5Node, { kind: 'object' }>

export interface Member {
  key: string
  /** Where the key begins. */
  start: number
  value: Json5Node
}

export interface Document {
  root: Json5Node
  comments: Span[]
}

const BLANK = /[\s\uFEFF]/
const IDENTIFIER = /[\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}$\u200C\u200D]*/uy
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Infinity|NaN)/y
const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '0': '\0' }
const WORDS = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
])

/** @throws ConfigError that names the file, the line and the column. */
export function parseJson5(text: string, file: string): Document {
  return new Parser(text, file).document()
}

/** The value without its places. */
export function plainValue(node: Json5Node): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'array') return node.items.map(plainValue)
  // Not by assignment, which a key of '__proto__' would make another thing
  return Object.fromEntries(node.members.map(({ key, value }) => [key, plainValue(value)]))
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

class Parser {
  #at = 0
  readonly #comments: Span[] = []
  readonly #text: string
  readonly #file: string

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
  }

  document(): Document {
    this.#skip()
    const root = this.#value()
    this.#skip()
    if (this.#at < this.#text.length) this.#fail('there is more after the end')
    return { root, comments: this.#comments }
  }

  #fail(what: string, at = this.#at): never {
    const before = this.#text.slice(0, at)
    const column = at - before.lastIndexOf('\n')
    throw new ConfigError(`${this.#file}:${lineOf(this.#text, at)}:${column}: ${what}`, { path: this.#file })
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  #skip(): void {
    for (;;) {
      while (BLANK.test(this.#next)) this.#at++
      const start = this.#at
      if (this.#text.startsWith('//', start)) {
        const end = /[\n\r\u2028\u2029]|$/.exec(this.#text.slice(start))?.index ?? 0
        this.#at = start + end
      } else if (this.#text.startsWith('/*', start)) {
        const end = this.#text.indexOf('*/', start + 2)
        if (end < 0) this.#fail('a comment does not end')
        this.#at = end + 2
      } else return
      this.#comments.push({ start, end: this.#at })
    }
  }

  #value(): Json5Node {
    const start = this.#at
    if (this.#next === '{') return this.#object(start)
    if (this.#next === '[') return this.#array(start)
    const value = this.#scalar()
    return { kind: 'scalar', value, start, end: this.#at }
  }

  #object(start: number): ObjectNode {
    const members: Member[] = []
    this.#list('}', () => {
      const at = this.#at
      const key = this.#key()
      this.#skip()
      if (this.#next !== ':') this.#fail(`a colon has to follow the key '${key}'`)
      this.#at++
      this.#skip()
      if (members.some((member) => member.key === key)) this.#fail(`the key '${key}' is there twice`, at)
      members.push({ key, start: at, value: this.#value() })
    })
    return { kind: 'object', members, start, end: this.#at }
  }

  #array(start: number): Json5Node {
    const items: Json5Node[] = []
    this.#list(']', () => items.push(this.#value()))
    return { kind: 'array', items, start, end: this.#at }
  }

  /** What stands between two brackets, with commas between, and after the last one if it likes. */
  #list(close: string, item: () => void): void {
    const opened = this.#at++
    for (;;) {
      this.#skip()
      if (this.#next === '') this.#fail(`a '${close}' is missing for this one`, opened)
      if (this.#next === close) break
      item()
      this.#skip()
      if (this.#next === ',') this.#at++
      else if (this.#next !== close) this.#fail(`a comma or '${close}' is missing`)
    }
    this.#at++
  }

  #key(): string {
    if (this.#next === '"' || this.#next === "'") return this.#string()
    return this.#match(IDENTIFIER) ?? this.#fail('a key is missing')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    this.#at += found?.length ?? 0
    return found
  }

  #scalar(): string | number | boolean | null {
    if (this.#next === '"' || this.#next === "'") return this.#string()
    const start = this.#at
    const digits = this.#match(NUMBER)
    if (digits !== undefined) {
      const sign = digits.startsWith('-') ? -1 : 1
      return sign * Number(digits.replace(/^[+-]/, ''))
    }
    const word = this.#match(IDENTIFIER)
    if (word !== undefined && WORDS.has(word)) return WORDS.get(word) as boolean | null
    this.#fail(this.#next === '' && word === undefined ? 'a value is missing' : 'this is no value', start)
  }

  #string(): string {
    const quote = this.#next
    const opened = this.#at++
    let value = ''
    for (;;) {
      const character = this.#next
      if (character === '' || character === '\n' || character === '\r')
        this.#fail('a string does not end', opened)
      this.#at++
      if (character === quote) return value
      value += character === '\\' ? this.#escape() : character
    }
  }

  #escape(): string {
    const letter = this.#next
    this.#at++
    if (letter === 'u' || letter === 'x') {
      const digits = this.#match(letter === 'u' ? /[0-9a-fA-F]{4}/y : /[0-9a-fA-F]{2}/y)
      return digits === undefined
        ? this.#fail(`\\${letter} wants hexadecimal digits`)
        : String.fromCharCode(Number.parseInt(digits, 16))
    }
    if (letter === '\r' && this.#next === '\n') this.#at++
    if (/[\n\r\u2028\u2029]/.test(letter)) return '' // the string goes on in the next line
    return ESCAPES[letter] ?? letter
  }
}
