// JSON5 (json5.org), parsed by momoa with the ranges of all that is in it, so that a value can be changed and every other byte
// stays: what people write by hand has comments in it.
import {
  type AnyNode,
  evaluate,
  iterator,
  type MemberNode,
  type Node,
  type ObjectNode,
  parse,
  type Range,
  type ValueNode,
} from '@humanwhocodes/momoa'
import { ConfigError } from '../../common/errors.js'

export interface Document {
  root: ValueNode
  /** The offsets of each comment: of its first character, and of the first one after it. */
  comments: Range[]
}

/** What momoa's errors carry. */
interface SyntaxProblem extends Error {
  line: number
  column: number
}

/** @throws ConfigError that names the file, the line and the column. */
export function parseJson5(text: string, file: string): Document {
  const document = read(text, file)
  for (const { node, phase } of iterator(document)) {
    const each = node as AnyNode
    if (phase === 'enter' && each.type === 'Object') assertKeysDiffer(each, text, file)
  }
  const comments = (document.tokens ?? []).filter(({ type }) => type.endsWith('Comment'))
  return { root: document.body, comments: comments.map(rangeOf) }
}

function read(text: string, file: string) {
  try {
    return parse(text, { mode: 'json5', ranges: true, tokens: true })
  } catch (error) {
    const { line, column, message } = error as SyntaxProblem
    if (line === undefined) throw error
    throw new ConfigError(`${file}:${line}:${column}: ${message.replace(/\.? \(\d+:\d+\)$/, '')}`, {
      path: file,
    })
  }
}

/** Which of two members with the same key counts depends on the program that reads them. */
function assertKeysDiffer({ members }: ObjectNode, text: string, file: string): void {
  const keys = new Set<string>()
  for (const member of members) {
    const key = keyOf(member)
    if (keys.has(key))
      throw new ConfigError(`${file}:${lineOf(text, rangeOf(member)[0])}: duplicate key '${key}'`, {
        path: file,
        hint: 'Remove one of the two members',
      })
    keys.add(key)
  }
}

export const keyOf = ({ name }: MemberNode): string => (name.type === 'String' ? name.value : name.name)

export function rangeOf({ range }: Pick<Node, 'range'>): Range {
  if (range === undefined) throw new Error('momoa gave no range')
  return range
}

export const plainValue = (node: ValueNode): unknown => evaluate(node)

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
