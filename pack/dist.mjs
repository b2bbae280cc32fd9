// What `npm run build:ts` does after tsc: makes dist/ what package.json refers to, and small. Declarations that the public ones do not
// need go, and what was made of modules that are no more.
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path.join(root, 'dist')

/** All declarations that one needs, itself first. */
function needed(file, seen = new Set()) {
  if (seen.has(file)) return seen
  seen.add(file)
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]*)\.js['"]/g)
  for (const [, name] of imports) needed(path.resolve(path.dirname(file), `${name}.d.ts`), seen)
  return seen
}

// What package.json calls `corral`
const launcher = path.join(dist, 'cli/launch.js')
copyFileSync(path.join(root, 'src/cli/launch.sh'), launcher)
chmodSync(launcher, 0o755)

const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
const declarations = new Set()
for (const { types } of Object.values(exports)) if (types) needed(path.join(root, types), declarations)
for (const name of readdirSync(dist, { recursive: true })) {
  const file = path.join(dist, name)
  const module = name.match(/^(.*?)(?:\.d\.ts|\.js|\.js\.map)$/)?.[1]
  if (module === undefined || file === launcher) continue
  const isLeft = !existsSync(path.join(root, 'src', `${module}.ts`))
  if (isLeft || (file.endsWith('.d.ts') && !declarations.has(file))) rmSync(file)
}
