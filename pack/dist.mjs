// What `npm run build:ts` does last: makes dist/ small, for it is in the package. The source maps keep a position for each
// line rather than for each word: a stack trace names the right line of src/ and costs a sixth. Declarations that the
// public ones do not need go.
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const dist = fileURLToPath(new URL('../dist', import.meta.url))
const files = readdirSync(dist, { recursive: true }).map((file) => path.join(dist, file))

/** The numbers of one segment of a source map: base 64 digits of five bits, the least significant first, then the sign. */
function decode(segment) {
  const numbers = []
  let [value, shift] = [0, 0]
  for (const character of segment) {
    const digit = DIGITS.indexOf(character)
    value += (digit & 31) << shift
    shift += 5
    if (digit & 32) continue
    numbers.push(value & 1 ? -(value >> 1) : value >> 1)
    value = 0
    shift = 0
  }
  return numbers
}

function encode(number) {
  let text = ''
  let rest = number < 0 ? (-number << 1) | 1 : number << 1
  do {
    const digit = rest & 31
    rest >>= 5
    text += DIGITS[rest > 0 ? digit | 32 : digit]
  } while (rest > 0)
  return text
}

/** The first segment of each line. All but the generated column is relative to the segment before, whatever its line. */
function byLine(mappings) {
  const at = [0, 0, 0] // source, line, column of the last segment that was read
  const kept = [0, 0, 0] // of the last one that was kept
  return mappings
    .split(';')
    .map((line) => {
      let text = ''
      for (const [index, segment] of line.split(',').entries()) {
        const [generated, ...moved] = decode(segment)
        if (moved.length < at.length) continue
        for (const field of at.keys()) at[field] += moved[field]
        if (index > 0) continue
        text = encode(generated) + at.map((value, field) => encode(value - kept[field])).join('')
        kept.splice(0, kept.length, ...at)
      }
      return text
    })
    .join(';')
}

function shorten(file) {
  const { mappings, ...map } = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...map, names: [], mappings: byLine(mappings) }))
}

/** All declarations that one needs, itself first. */
function needed(file, seen = new Set()) {
  if (seen.has(file)) return seen
  seen.add(file)
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]*)\.js['"]/g)
  for (const [, name] of imports) needed(path.resolve(path.dirname(file), `${name}.d.ts`), seen)
  return seen
}

for (const file of files) if (file.endsWith('.js.map')) shorten(file)
// What package.json calls `corral`
const launcher = path.join(dist, 'cli/launch.js')
copyFileSync(path.join(dist, '../src/cli/launch.sh'), launcher)
chmodSync(launcher, 0o755)
const { exports } = JSON.parse(readFileSync(path.join(dist, '../package.json'), 'utf8'))
const declarations = new Set()
for (const { types } of Object.values(exports)) if (types) needed(path.join(dist, '..', types), declarations)
for (const file of files) if (file.endsWith('.d.ts') && !declarations.has(file)) rmSync(file)
