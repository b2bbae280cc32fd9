// Changes one value of a configuration, and nothing else of its text.
import { isDeepStrictEqual } from 'node:util'
import type { ObjectNode, ValueNode } from '@humanwhocodes/momoa'
import { ConfigError } from '../../common/errors.js'
import { type Document, keyOf, lineOf, parseJson5, plainValue, rangeOf } from './json5.js'

interface Edit {
  start: number
  end: number
  text: string
}

/**
 * The text with `value` at `path`, with whatever objects it takes to get there.
 * @throws ConfigError when something on the way is no object, or a comment would be lost.
 */
export function withValue(text: string, path: readonly string[], value: unknown, file: string): string {
  const document = parseJson5(text, file)
  const edited = apply(text, editsFor(text, document, path, value, file))
  assertOnlyThat(text, edited, path, value, file)
  return edited
}

/** The value at a path; undefined where there is none. */
export function valueAt(text: string, path: readonly string[], file: string): unknown {
  let node: ValueNode | undefined = parseJson5(text, file).root
  for (const key of path) {
    if (node?.type !== 'Object') return undefined
    node = node.members.find((member) => keyOf(member) === key)?.value
  }
  return node && plainValue(node)
}

function editsFor(
  text: string,
  { root, comments }: Document,
  path: readonly string[],
  value: unknown,
  file: string,
): Edit[] {
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  let node = root
  for (const [depth, key] of path.entries()) {
    const here = path.slice(0, depth).join('.') || 'the whole'
    if (node.type !== 'Object')
      throw new ConfigError(`${file}:${lineOf(text, rangeOf(node)[0])}: expected ${here} to be an object`, {
        path: file,
      })
    const member = node.members.find((one) => keyOf(one) === key)
    if (!member) {
      const nested = path.slice(depth + 1).reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
      return insertion(text, node, comments, key, nested, unit)
    }
    node = member.value
  }
  const [start, end] = rangeOf(node)
  const lost = comments.find(([first, after]) => first >= start && after <= end)
  if (lost)
    throw new ConfigError(`${file}:${lineOf(text, lost[0])}: a comment in ${path.join('.')} would be lost`, {
      path: file,
      hint: 'Move the comment above or below that, and try again',
    })
  return [{ start, end, text: written(value, unit, indentAt(text, start)) }]
}

/** The blanks that the line of an offset begins with. */
function indentAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

function written(value: unknown, unit: string, indent: string): string {
  return JSON.stringify(value, null, unit).replaceAll('\n', `\n${indent}`)
}

/** Adds a member behind the last one, on a line of its own unless the object is on one line. */
function insertion(
  text: string,
  object: ObjectNode,
  comments: Document['comments'],
  key: string,
  value: unknown,
  unit: string,
): Edit[] {
  const [start, end] = rangeOf(object)
  const member = object.members.at(-1)
  const last = member && { start: rangeOf(member)[0], end: rangeOf(member.value)[1] }
  const inner = text.slice(start, end)
  if (last && !inner.includes('\n'))
    return [
      {
        start: last.end,
        end: last.end,
        text: `, ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
      },
    ]
  const outer = indentAt(text, start)
  const indent = last ? indentAt(text, last.start) : outer + unit
  const line = `\n${indent}${JSON.stringify(key)}: ${written(value, unit, indent)}`
  if (!last) {
    const close = end - 1
    const blank = /\s*$/.exec(text.slice(start + 1, close))?.[0].length ?? 0
    return [{ start: close - blank, end: close, text: `${line}\n${outer}` }]
  }
  const comma = commaAfter(text, last.end, comments)
  const behind = lineEndAfter(text, comma ?? last.end, comments, end - 1)
  if (comma !== undefined) return [{ start: behind, end: behind, text: `${line},` }]
  const add = { start: last.end, end: last.end, text: ',' }
  return [add, { start: behind, end: behind, text: line }]
}

/** The offset behind the comma that follows, if one does. */
function commaAfter(text: string, from: number, comments: Document['comments']): number | undefined {
  let at = from
  for (;;) {
    const comment = comments.find(([start]) => start === at)
    if (comment) at = comment[1]
    else if (/\s/.test(text[at] ?? '')) at++
    else return text[at] === ',' ? at + 1 : undefined
  }
}

/** Behind the comments that stand on the same line: they belong to what is there. */
function lineEndAfter(text: string, from: number, comments: Document['comments'], limit: number): number {
  let behind = from
  for (let at = from; at < limit; ) {
    const comment = comments.find(([start]) => start === at)
    if (comment) {
      at = comment[1]
      behind = at
    } else if (text[at] === ' ' || text[at] === '\t') at++
    else break
  }
  return behind
}

/** The edits come in the order of the text; from the last to the first, those before keep their places. */
function apply(text: string, edits: readonly Edit[]): string {
  return edits.reduceRight(
    (result, edit) => result.slice(0, edit.start) + edit.text + result.slice(edit.end),
    text,
  )
}

/** That the new text says what the old one did, but for that one value, with all its comments. */
function assertOnlyThat(
  text: string,
  edited: string,
  path: readonly string[],
  value: unknown,
  file: string,
): void {
  const [before, after] = [parseJson5(text, file), parseJson5(edited, file)]
  const expected = structuredClone(plainValue(before.root)) as Record<string, unknown>
  let place = expected
  for (const key of path.slice(0, -1)) {
    if (place[key] === undefined) place[key] = {}
    place = place[key] as Record<string, unknown>
  }
  place[path.at(-1) as string] = value
  const words = (source: string, { comments }: Document) =>
    comments.map(([start, end]) => source.slice(start, end))
  if (
    !isDeepStrictEqual(plainValue(after.root), expected) ||
    !isDeepStrictEqual(words(edited, after), words(text, before))
  )
    throw new ConfigError(`cannot change ${file} without changing something else in it`, {
      path: file,
      hint: 'Change it by hand',
    })
}
