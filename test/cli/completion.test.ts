// Completion in the real shells: of commands and options, which are those that the command line has, and of what lives.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test as plain } from 'vitest'
import { SLOWNESS } from '../support/eventually.js'
import { openInPen } from '../support/open-in-pen.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { CLI, corral, refused } from './command-line.js'
import {
  completedLines,
  directoryWithCorral,
  needingProgram,
  needingPrograms,
  type ShellName,
} from './terminal-shell.js'

const run = promisify(execFile)
const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const
const KEYS = ['agent:main:acp:1', 'agent:main:acp:2', "it's $(touch ran) `touch ran`", 'other']

/** Sessions of these keys, and one whose key is no line, in a pen. */
async function living(pen: Pen, keys = KEYS) {
  const instance = await openInPen(pen)
  for (const key of [...keys, 'two\nlines']) await instance.spawn({ ...sleeper, key })
  return instance
}

const SHELLS: ShellName[] = ['bash', 'zsh', 'fish']

test('keys and instances are those that live below the root, one a line', async ({ pen }) => {
  const instance = await living(pen)
  const listed = async (what: string) =>
    (await corral(['completion', what, '--root', pen.path])).stdout.trim()
  expect((await listed('keys')).split('\n').sort()).toEqual([...KEYS].sort())
  expect(await listed('instances')).toBe(instance.id)
  await instance.close({ graceMs: 0 })
  expect(await listed('keys')).toBe('')
})

plain('another shell is refused', async () => {
  const { status, stderr } = await refused(['completion', 'tcsh'])
  expect(status).toBe(2)
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish, keys, instances/)
})

/** What `corral` prints, before there is a test. */
const printed = async (...args: string[]) => (await run(process.execPath, [CLI, ...args])).stdout

/** The commands, or the long options of one, by the help of the command line. */
async function helped(...command: string[]): Promise<string[]> {
  const stdout = await printed(...command, '--help')
  const [, listed = ''] = stdout.split(command.length === 0 ? 'Commands:\n' : 'Options:\n')
  return [...listed.matchAll(/^ {2}(?:-\w, )?([\w-]+)(?= )/gm)].map(([, name = '']) => name).sort()
}

const directory = mkdtempSync(join(tmpdir(), 'corral-completion-'))
const scriptOf = (shell: ShellName) => join(directory, `corral.${shell}`)
/** Each with its options. */
const commands = new Map<string, string[]>()
beforeAll(async () => {
  for (const shell of SHELLS) writeFileSync(scriptOf(shell), await printed('completion', shell))
  for (const name of await helped()) if (name !== 'help') commands.set(name, await helped(name))
}, 60_000 * SLOWNESS)
afterAll(() => rmSync(directory, { recursive: true }))

/** Words as bash gives them to a completion: it splits at COMP_WORDBREAKS, too. */
function bashWords(typed: string): string[] {
  return typed.split(' ').flatMap((word) => word.match(/[:=]+|[^:=]+/g) ?? [''])
}

/** Runs a shell that has the completion, and `corral` in its PATH, in a directory of its own. */
async function inShell(shell: ShellName, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const own = directoryWithCorral()
  const { stdout, stderr } = await run(shell, args, {
    cwd: own,
    env: {
      ...process.env,
      ...env,
      PATH: `${own}:${process.env['PATH']}`,
      HOME: own,
      COMPLETION: scriptOf(shell),
    },
  })
  expect(stderr).toBe('')
  expect(existsSync(join(own, 'ran'))).toBe(false) // a key is text, not a program
  return stdout
}

async function bashReplies(typed: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const script = `
    source "$COMPLETION"
    COMP_WORDS=("\${@:2}") COMP_CWORD=$(($# - 2)) COMP_LINE=$1 COMP_POINT=\${#1}
    COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    _corral corral "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
    ((\${#COMPREPLY[@]} == 0)) || printf '%s\\0' "\${COMPREPLY[@]}"`
  const words = ['--norc', '-c', script, 'bash', typed, ...bashWords(typed)]
  return (await inShell('bash', words, env)).split('\0').slice(0, -1)
}

async function fishReplies(typed: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const words = ['--no-config', '-c', 'source $COMPLETION; complete -C $argv[1]', typed]
  const lines = (await inShell('fish', words, env)).split('\n').slice(0, -1)
  return lines.map((line) => line.split('\t')[0] ?? '')
}

describe('all commands and options are offered, and no others,', () => {
  const names = () => [...commands.keys(), 'help'].sort()
  const longOf = (words: string[]) => words.filter((word) => /^--./.test(word)).sort()

  plain('by bash', async () => {
    expect((await bashReplies('corral ')).sort()).toEqual(names())
    for (const [name, options] of commands)
      expect(longOf(await bashReplies(`corral ${name} -`))).toEqual(options)
  })

  needingProgram('fish')('by fish', async () => {
    expect((await fishReplies('corral ')).sort()).toEqual(names())
    for (const [name, options] of commands)
      expect(longOf(await fishReplies(`corral ${name} --`))).toEqual(options)
  })

  plain('by the script for zsh', () => {
    const script = readFileSync(scriptOf('zsh'), 'utf8')
    for (const [name, options] of commands) {
      const branch = new RegExp(`^ {8}${name}\\)\\n([\\s\\S]*?)^ {10};;`, 'm').exec(script)?.[1] ?? ''
      const offered = [...branch.matchAll(/[*)](--[\w-]+)=?\[/g)].map(([, option = '']) => option)
      expect(offered.sort()).toEqual(options)
    }
  })
})

describe('in bash', () => {
  test('keys are those that live, with what stands before their last colon left out', async ({ pen }) => {
    await living(pen)
    const env = { CORRAL_ROOT: pen.path }
    expect(await bashReplies('corral kill agent:main:acp:', env)).toEqual(['1', '2'])
    expect(await bashReplies('corral kill --parent agent:m', env)).toEqual(['main:acp:1', 'main:acp:2'])
    expect(await bashReplies('corral set other agent:main:acp:2', env)).toEqual(['2'])
    expect(await bashReplies('corral run --session=o', env)).toEqual(['other'])
    expect(await bashReplies('corral kill it', env)).toEqual([
      "it\\'s\\ \\$\\(touch\\ ran\\)\\ \\`touch\\ ran\\`",
    ])
  })

  test('a root that is typed is the one that is asked', async ({ pen }) => {
    const instance = await living(pen, ['here'])
    const elsewhere = { CORRAL_ROOT: '/nonexistent' }
    expect(await bashReplies(`corral kill --root ${pen.path} h`, elsewhere)).toEqual(['here'])
    expect(await bashReplies(`corral kill --root=${pen.path} h`, elsewhere)).toEqual(['here'])
    expect(await bashReplies(`corral kill --root ${pen.path} --instance `, elsewhere)).toEqual([instance.id])
    expect(await bashReplies('corral kill h', elsewhere)).toEqual([])
  })

  plain('what follows `run` is a command with its own words', async () => {
    expect(await bashReplies('corral run --grace 5 corra')).toEqual(['corral'])
    expect(await bashReplies('corral run -- corra')).toEqual(['corral'])
    expect(await bashReplies('corral run cat --sess')).toEqual([])
    expect(await bashReplies('corral run cat corr')).toEqual(['corral'])
    expect(await bashReplies('corral run --sess')).toEqual(['--session', '--session-from-env'])
    expect(await bashReplies('corral run --grace --sess')).toEqual([])
    expect(await bashReplies('corral ls --root /pro')).toEqual(['/proc'])
    expect(await bashReplies('corral completion z')).toEqual(['zsh'])
  })
})

needingPrograms('fish')('in fish keys and commands are offered where they belong', async ({ pen }) => {
  await living(pen)
  const env = { CORRAL_ROOT: pen.path }
  expect((await fishReplies('corral kill agent:main', env)).sort()).toEqual(KEYS.slice(0, 2))
  expect(await fishReplies('corral set --family oth', env)).toEqual(['other'])
  expect(await fishReplies('corral run --parent oth', env)).toEqual(['other'])
  expect(await fishReplies(`corral kill --root ${pen.path} oth`, { CORRAL_ROOT: '/nonexistent' })).toEqual([
    'other',
  ])
  expect(await fishReplies('corral run --grace 5 corra', env)).toContain('corral')
  expect(await fishReplies('corral run cat --sess', env)).toEqual([])
})

describe('at a terminal', () => {
  const started = (name: ShellName) => needingPrograms('script', name)

  for (const name of SHELLS) {
    started(name)(
      `${name} completes a command, an option and a key`,
      async ({ pen }) => {
        await living(pen)
        const env = { CORRAL_ROOT: pen.path, COMPLETION: scriptOf(name) }
        const typed = ['orph\t', 'doctor --str\t', 'kill agent:m\t1\t', 'kill it\t', 'kill "oth\t']
        const lines = typed.map((keys) => `corral ${keys}`)
        expect(await completedLines(name, lines, env)).toEqual([
          '[corral][orphans]',
          '[corral][doctor][--strict]',
          '[corral][kill][agent:main:acp:1]',
          `[corral][kill][${KEYS[2]}]`,
          '[corral][kill][other]',
        ])
      },
      60_000,
    )
  }
})
