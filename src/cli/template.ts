// `--format`, as of docker: a table, a line of JSON for each row, or a template such as '{{.key}}\t{{.path}}'.
import { InvalidArgumentError } from '../common/errors.js'
import { quote } from '../common/quote.js'
import { jsonLine } from '../common/text.js'
import type { Line } from './output.js'

const PLACE = /\{\{\s*\.([\w.]+)\s*\}\}/g

const ESCAPES: Record<string, string> = { '\\t': '\t', '\\n': '\n' }

/** The value at a path such as `group.usage.pids`; undefined where there is none. */
function valueAt(row: unknown, place: string): unknown {
  let value = row
  for (const name of place.split('.')) {
    if (value === null || typeof value !== 'object') return undefined
    const own = Object.keys(value).find((one) => one.toLowerCase() === name.toLowerCase())
    value = own === undefined ? undefined : (value as Record<string, unknown>)[own]
  }
  return value
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '-'
  return typeof value === 'object' ? jsonLine(value) : String(value)
}

function filled(template: string, row: object): Line[] {
  // What is filled in can have tabs and line feeds of its own, which are not ours
  return template
    .replaceAll(/\\[tn]/g, (found) => ESCAPES[found] ?? found)
    .split('\n')
    .map((line) =>
      line.split('\t').map((cell) => cell.replaceAll(PLACE, (_, place) => textOf(valueAt(row, place)))),
    )
}

/**
 * The rows in that format; undefined where it is a table's. `fields`: the names that a row can have; undefined: any.
 * @throws InvalidArgumentError
 */
export function formatted(
  format: string | undefined,
  rows: readonly object[],
  fields?: readonly string[],
): Line[] | undefined {
  if (format === undefined || format === 'table') return undefined
  if (format === 'json') return rows.map((row) => jsonLine(row))
  const places = [...format.matchAll(PLACE)].map(([, place = '']) => place)
  if (places.length === 0)
    throw new InvalidArgumentError(
      `Invalid --format: expected 'table', 'json' or a template with {{.name}}, got ${quote(format)}`,
    )
  const unknown = places.find(
    (place) => fields && !fields.some((name) => name.toLowerCase() === place.toLowerCase()),
  )
  if (unknown !== undefined)
    throw new InvalidArgumentError(`Invalid --format: there is no .${unknown}`, {
      hint: `There are: ${fields?.join(', ')}`,
    })
  return rows.flatMap((row) => filled(format, row))
}
