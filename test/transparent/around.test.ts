// What is around a command stays as the command leaves it, and sees of it what it would see: the same with `corral run` before it,
// and by corral.spawn() as by child_process.spawn(), beside the rows of docs/cli.md, "What differs from the command alone".
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished } from 'vitest'
import { compiled } from '../support/compile-payload.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
const SPAWNER = at('spawner.mjs')
const HELD = ['cgroup', 'subreaper'] as const
const SPAWNED = [...HELD, 'passthrough'] as const

let around: string
let inherited: string
beforeAll(async () => {
  around = await compiled(at('payloads/around.c'))
  inherited = await compiled(at('payloads/inherited.c'))
})

const run = (way: (typeof HELD)[number], pen: Pen) => [
  LAUNCHER,
  'run',
  '--no-summary',
  ...(way === 'cgroup' ? ['--root', pen.path] : ['--backend', way]),
  '--',
]
const spawned = (way: (typeof SPAWNED)[number] | 'child_process', pen: Pen) => [
  process.execPath,
  SPAWNER,
  way,
  way === 'cgroup' ? pen.path : '-',
]

/** What is to be seen around such a command, behind these words. */
async function seen(place: string, words: string[], command: string[], cwd?: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(around, [place, ...words, ...command], { cwd })
  const lines = stdout.trimEnd().split(/\r?\n/)
  return lines.filter((line) => !line.startsWith(`rlimit10 `)) // the session's mark
}

const sh = (script: string) => ['sh', '-c', script]

describe('a terminal', () => {
  // It tells what it has inherited, and leaves the terminal another than it found it
  const command = () => sh(`${inherited}; stty -icanon min 3; exit 3`)

  test.for(HELD)('is the same with `corral run` before the command, held by %s', async (way, { pen }) => {
    const plain = await seen('terminal', [], command())
    expect(plain).toEqual(
      expect.arrayContaining(['exited 3', 'foreground yes', 'terminal session of what was started']),
    )
    expect(await seen('terminal', run(way, pen), command())).toEqual(plain)
  })

  test.for(SPAWNED)(
    'is the same by corral.spawn() as by child_process.spawn(), held by %s',
    async (way, { pen }) => {
      // A holder has no terminal: docs/sessions.md, "What the mechanisms promise differently"
      const ofHolder = (line: string) =>
        /^(?:controlling|terminal session|process group|foreground) /.test(line)
      const own = (lines: string[]) =>
        lines.filter((line) => !(way === 'subreaper' && ofHolder(line)) && !/^fd\d+ /.test(line))
      const node = await seen('terminal', spawned('child_process', pen), command())
      expect(own(await seen('terminal', spawned(way, pen), command()))).toEqual(own(node))
    },
  )
})

describe('pipes', () => {
  test.for(HELD)(
    'are left as they were, and stops and the end are told, held by %s',
    async (way, { pen }) => {
      const command = sh('kill -TSTP $$; kill -TTOU $$; kill -ABRT $$')
      const plain = await seen('pipes', [], command)
      expect(plain).toEqual(
        expect.arrayContaining(['stdin flags 4000', 'stderr flags 4001', 'stopped 22', 'ended 6']),
      )
      expect(await seen('pipes', run(way, pen), command)).toEqual(plain)
    },
  )

  test.for(HELD)(
    'have an end when the command closes them, held by %s: but stdin and stderr',
    async (way, { pen }) => {
      const command = sh('exec 2>&-; exec 0<&-; exec 1>&-; exec sleep 1000')
      const plain = await seen('closing', [], command)
      expect(plain).toEqual([
        'stdout at its end yes',
        'stdin refused yes',
        'stderr at its end yes',
        'ended 15',
        'core no',
      ])
      expect(await seen('closing', run(way, pen), command)).toEqual([
        'stdout at its end yes',
        'stdin refused no',
        'stderr at its end no',
        'ended 15',
        'core no',
      ])
    },
  )
})

test.for(HELD)('a timer from before `corral run` ends the command, held by %s', async (way, { pen }) => {
  expect(await seen('alarm', run(way, pen), ['sleep', '1000'])).toEqual(['ended 14', 'core no'])
})

test.for(HELD)('a core file is the command’s alone, held by %s', async (way, { pen }) => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-core-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const command = sh('ulimit -c unlimited; kill -ABRT $$')
  const told = await seen('pipes', run(way, pen), command, directory)
  expect(told.slice(0, 2)).toEqual(['ended 6', 'core no'])
})

describe('every exit status and every deadly signal', () => {
  test.for(HELD)(
    'is told by corral.spawn() as by child_process.spawn(), held by %s',
    async (way, { pen }) => {
      const words = [at('statuses.mjs'), way, ...(way === 'cgroup' ? [pen.path, '1'] : ['-', '15'])]
      const { stdout } = await promisify(execFile)(process.execPath, words)
      expect(stdout).toBe(`tried ${way === 'cgroup' ? 256 : 18} and 54\n`)
    },
  )
})
