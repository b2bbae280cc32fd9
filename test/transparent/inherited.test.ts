// Nobody notices Corral in between: what a command inherits is the same with `corral run` before it, and by `corral.spawn()`
// instead of child_process.spawn(). What differs is in docs/cli.md, "What differs from the command alone".
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect } from 'vitest'
import { compiled } from '../support/compile-payload.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
const WARDEN = at('../../build/Release/corral-warden')
const SPAWNER = at('spawner.mjs')
const LOCKS = 'rlimit10'
const WAYS = ['cgroup', 'subreaper'] as const
type Way = (typeof WAYS)[number]
const KINDS = ['usual', 'bare'] as const
type Kind = (typeof KINDS)[number]

// What Node does by accident: bytes that are no UTF-8 come out replaced, of a name that is there twice one variable is kept,
// descriptors above the first gap and real-time signals that it ignores go on to its children
const NODES_OWN = /^(?:env CORRAL_TEST_(?:BYTES|TWICE)|SigIgn|fd(?:63|[1-9]\d\d)):/

let program: string
beforeAll(async () => {
  program = await compiled(at('payloads/inherited.c'))
})

/** A name may be there twice. */
function setVariable(told: Map<string, string>, variable: string): void {
  const equals = variable.indexOf('=')
  const name = `env ${variable.slice(0, equals)}`
  told.set(
    name,
    [told.get(name), variable.slice(equals + 1)].filter((text) => text !== undefined).join(' and '),
  )
}

/** What the command tells of itself that is started by these words, from an unusual place of this kind. */
async function inheritedBy(kind: Kind, words: string[]): Promise<Map<string, string>> {
  const command = [program, 'odd', kind, ...words, program, 'BYTES', '', 'a b']
  const { stdout } = await promisify(execFile)(command[0] ?? '', command.slice(1))
  const told = new Map<string, string>()
  for (const line of stdout.trimEnd().split('\n')) {
    const [, name = '', value = ''] = /^(\S+) ?(.*)$/.exec(line) ?? []
    if (!/^env\d+$/.test(name)) told.set(name, value)
    else setVariable(told, Buffer.from(value, 'hex').toString('latin1'))
  }
  expect(told.size).toBeGreaterThan(40)
  return told
}

const namesOf = (...all: Map<string, string>[]) => [...new Set(all.flatMap((one) => [...one.keys()]))]
const differing = (one: Map<string, string>, other: Map<string, string>) =>
  namesOf(one, other)
    .filter((name) => one.get(name) !== other.get(name))
    .map((name) => `${name}: ${one.get(name)} became ${other.get(name)}`)
    .sort()

const place = (way: Way, pen: Pen) => (way === 'cgroup' ? ['--root', pen.path] : ['--backend', way])
/** The session's mark. */
const marked = (differences: string[]) => differences.filter((text) => !text.startsWith(`${LOCKS}:`))
/** A shell may unblock them before its script begins: dash does. */
const blocked = (differences: string[]) => differences.filter((text) => !text.startsWith('SigBlk:'))

/** What the launcher, a shell, does to variables. */
const SHELLS = /^env (?:PWD|CORRAL_TEST_TWICE|corral\.test):/

describe.for(KINDS)('what a command inherits from a place that is %s', (kind) => {
  let plain: Map<string, string>
  let node: Map<string, string>
  beforeAll(async () => {
    plain = await inheritedBy(kind, [])
    node = await inheritedBy(kind, [process.execPath, SPAWNER, 'child_process', '-'])
  })

  test.for(WAYS)('is the same with `corral run` before it, held by %s', async (way, { pen }) => {
    const run = await inheritedBy(kind, [LAUNCHER, 'run', ...place(way, pen), '--'])
    const differences = marked(blocked(differing(plain, run)))
    const shells = differences.filter((text) => SHELLS.test(text))
    expect(differences).toEqual(kind === 'bare' ? shells : [])
    expect(differing(plain, run)).toContainEqual(expect.stringMatching(`^${LOCKS}:`))
  })

  test('is the same with `corral-warden run` before it', async ({ pen }) => {
    const run = await inheritedBy(kind, [WARDEN, 'run', '--root', pen.path, '--'])
    expect(marked(differing(plain, run))).toEqual([])
  })

  test.for([...WAYS, 'passthrough'] as const)(
    'is the same by corral.spawn() as by child_process.spawn(), held by %s',
    async (way, { pen }) => {
      const root = way === 'cgroup' ? pen.path : '-'
      const ours = await inheritedBy(kind, [process.execPath, SPAWNER, way, root])
      const unexpected = marked(differing(node, ours)).filter((text) => !NODES_OWN.test(text))
      expect(unexpected).toEqual([])
    },
  )
})
