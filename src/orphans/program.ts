// Which program a command line runs: the script behind `node`, the package behind `npx`, the command behind `sh -c`. A
// name that is only an argument (`vim claude-agent-acp.md`) is none.
import path from 'node:path'

export interface Program {
  /** What it may be called: the file without its ending, and its package, with and without scope. */
  names: string[]
  args: string[]
}

const SHELLS = /^(?:ba|da|k|z|fi)?sh$/
const INTERPRETERS = /^(?:node|nodejs|bun|deno|tsx|python[\d.]*|pypy[\d.]*)$/
/** Programs that run a package, and the words after which its name comes. */
const RUNNERS: Record<string, string[]> = {
  npx: [],
  bunx: [],
  uvx: [],
  npm: ['exec', 'x'],
  pnpm: ['dlx', 'exec'],
  yarn: ['dlx', 'exec'],
  bun: ['x'],
  uv: ['run', 'tool'],
}
/** Options of interpreters whose value is a word of its own. */
const VALUED = new Set(['-r', '--require', '--import', '--loader', '--experimental-loader', '-C', '-W', '-X'])
/** Names of files and directories that say nothing of whose they are. */
const ANONYMOUS = new Set(['index', 'main', 'cli', '__main__', 'dist', 'build', 'src', 'bin', 'lib', 'out'])
// A shell in a shell in a shell: more is not in use
const DEEPEST = 4

const isOption = (word: string) => word.startsWith('-')
const withoutEnding = (file: string) => file.replace(/\.(?:[cm]?[jt]s|py|exe)$/, '')

/** The package that a file of node_modules belongs to, with and without its scope. */
function packageNames(file: string): string[] {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? []
  return name === undefined || name.startsWith('.') ? [] : [name, path.basename(name)]
}

function scriptNames(file: string): string[] {
  const telling = file
    .split('/')
    .reverse()
    .map(withoutEnding)
    .find((word) => word !== '' && !ANONYMOUS.has(word))
  return [...new Set([telling ?? file, ...packageNames(file)])]
}

/** `@scope/name@1.2` and what it may be called. */
function specNames(spec: string): string[] {
  const name = /^(@[^/]+\/)?[^@=]+/.exec(spec)?.[0] ?? spec
  return [...new Set([path.basename(name), name])]
}

function behindInterpreter(words: readonly string[]): Program[] {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '-m')
      return [{ names: [(words[at + 1] ?? '').replaceAll('_', '-')], args: words.slice(at + 2) }]
    if (['-e', '-p', '-c', '--eval', '--print'].includes(word)) return []
    if (VALUED.has(word)) at++
    else if (!isOption(word) && word !== 'run')
      return [{ names: scriptNames(word), args: words.slice(at + 1) }]
  }
  return []
}

function behindRunner(after: string[], words: readonly string[]): Program[] {
  if (after.length > 0 && !after.includes(words[0] ?? '')) return []
  const rest = words.slice(after.length > 0 ? 1 : 0)
  const at = rest.findIndex((word) => !isOption(word) && word !== 'run')
  return at === -1 ? [] : [{ names: specNames(rest[at] ?? ''), args: rest.slice(at + 1) }]
}

function behindShell(words: readonly string[], depth: number): Program[] {
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word))
  if (at === -1) {
    const script = words.findIndex((word) => !isOption(word))
    return script === -1 ? [] : [{ names: scriptNames(words[script] ?? ''), args: words.slice(script + 1) }]
  }
  const command = (words[at + 1] ?? '').split(/\s+/).map((word) => word.replace(/^["']|["']$/g, ''))
  const first = command.findIndex((word) => word !== '' && word !== 'exec' && !/^\w+=/.test(word))
  return first === -1 ? [] : programsOf(command.slice(first), depth + 1)
}

/** All programs that a command line names, from the outermost in. */
export function programsOf(argv: readonly string[], depth = 0): Program[] {
  const [file = '', ...words] = argv
  const base = path.basename(file).replace(/^-/, '')
  const own: Program = { names: [...new Set([withoutEnding(base), ...packageNames(file)])], args: words }
  if (depth === DEEPEST || file === '') return []
  const runner = Object.hasOwn(RUNNERS, base) ? behindRunner(RUNNERS[base] ?? [], words) : []
  if (runner.length > 0) return [own, ...runner]
  if (INTERPRETERS.test(base)) return [own, ...behindInterpreter(words)]
  return SHELLS.test(base) ? [own, ...behindShell(words, depth)] : [own]
}

/** A shell that waits for input: on a terminal, and not there for one command or one script. */
export function isInteractiveShell(argv: readonly string[], terminal: number): boolean {
  const [file = '', ...words] = argv
  if (terminal === 0 || !SHELLS.test(path.basename(file).replace(/^-/, ''))) return false
  return words.every((word) => isOption(word) && !/^-[a-z]*c$/.test(word))
}

/** Whether a program is one that runs others' programs, as a gateway's `node` does. */
export function isInterpreter(argv: readonly string[]): boolean {
  return INTERPRETERS.test(path.basename(argv[0] ?? ''))
}
