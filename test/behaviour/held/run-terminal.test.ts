// `corral run` in a terminal: the command is its foreground job, as if it had been started without.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { describe, expect, onTestFinished } from 'vitest'
import { CLI } from '../../cli/command-line.js'
import { statusOf } from '../../kernel/warden/warden.js'
import { runInPen } from '../../support/backend.js'
import { eventually } from '../../support/eventually.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

interface Terminal {
  /** What was printed in it so far. */
  screen: () => string
  type: (keys: string) => void
  exited: Promise<[status: number | null, signal: NodeJS.Signals | null]>
  hangUp: () => void
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

const commandLine = (pen: Pen, script: string) =>
  [process.execPath, CLI, 'run', ...runInPen(pen), '--', 'sh', '-c', script].map(quoted).join(' ')

/** Runs a command line in a terminal of its own, script(1), in the pen. */
function open(pen: Pen, line: string, variables: NodeJS.ProcessEnv = {}): Terminal {
  const { CORRAL_ROOT: _, ...env } = process.env
  const args = ['--quiet', '--flush', '--return', '--command', line, '/dev/null']
  const child = pen.spawn('script', args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...env, SHELL: '/bin/sh', PS1: '> ', HISTFILE: '', ...variables },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [input, output] = [child.stdin as Writable, child.stdout as Readable]
  input.on('error', () => undefined)
  let screen = ''
  output.on('data', (chunk: Buffer) => {
    screen += chunk.toString()
  })
  return {
    screen: () => screen,
    type: (keys) => void input.write(keys),
    exited: once(child, 'exit') as Terminal['exited'],
    hangUp: () => void child.kill('SIGKILL'),
  }
}

async function shows({ screen }: Terminal, pattern: RegExp, from = 0): Promise<number> {
  await eventually(`${pattern} is on the screen`, () => pattern.test(screen().slice(from)), {
    instead: () => screen().slice(from),
  })
  return screen().length
}

const namesIn = async (pen: Pen) =>
  Promise.all(
    (await pen.members()).map((pid) =>
      readFile(`/proc/${pid}/comm`, 'utf8').then(
        (name) => name.trim(),
        () => '',
      ),
    ),
  )

// One that was told to stop and has not yet run again would take the first key that is typed next with it
const isStopped = async (pen: Pen, name: string) =>
  (await pen.members()).some(
    (pid) => statusOf(pid, 'Name') === name && statusOf(pid, 'State').startsWith('T'),
  )

const WAITING = 'while :; do read -r line && echo "read $line"; done'

describe('a command in a terminal', () => {
  test('is in its foreground process group', async ({ pen }) => {
    const script =
      'read -r _ _ _ _ group _ _ front _ </proc/$$/stat; echo group $((group - front)); test -t 0'
    const terminal = open(pen, commandLine(pen, script))
    expect(await terminal.exited).toEqual([0, null])
    expect(terminal.screen()).toMatch(/^group 0\r?$/m)
  })

  test.for([
    ['says at its end what it used', { TERM: 'xterm', CI: '' }, true],
    ['says nothing of that in a dumb one', { TERM: 'dumb', CI: '' }, false],
    ['says nothing of that in a job of CI', { TERM: 'xterm', CI: 'true' }, false],
  ] as const)('%s', async ([, variables, says], { pen }) => {
    const terminal = open(pen, commandLine(pen, 'echo done'), variables)
    expect(await terminal.exited).toEqual([0, null])
    expect(terminal.screen()).toMatch(says ? /^done\r\ncorral: .* s of CPU.* killed\r\n$/ : /^done\r\n$/)
  })

  test('gets ^C once, and what is typed after that', async ({ pen }) => {
    const terminal = open(pen, commandLine(pen, `trap 'echo heard' INT; echo ready; ${WAITING}`))
    const at = await shows(terminal, /^ready/m)
    terminal.type('\x03')
    await shows(terminal, /heard/, at)
    terminal.type('on\n')
    await shows(terminal, /read on/, at)
    expect(terminal.screen().match(/heard/g)).toHaveLength(1)
  })

  test('is a job of the shell: ^Z stops it, fg lets it go on, and its status is told', async ({ pen }) => {
    const terminal = open(pen, 'bash --norc --noprofile --noediting -i')
    await shows(terminal, /> $/)
    terminal.type(
      `${commandLine(pen, 'echo ready now | tr a-z A-Z; read -r line; echo "got $line"; exit 7')}\n`,
    )
    const started = await shows(terminal, /READY NOW/)
    terminal.type('\x1a')
    const stopped = await shows(terminal, /Stopped/, started)
    await eventually('who reads is stopped', () => isStopped(pen, 'sh'))
    terminal.type('fg\n')
    terminal.type('word\n')
    await shows(terminal, /got word/, stopped)
    terminal.type('echo "status $?"; exit\n')
    await shows(terminal, /status 7/, stopped)
    await terminal.exited
    await eventually('nobody is left', async () => (await pen.members()).length === 0)
  })

  test('can have jobs of its own', async ({ pen }) => {
    const inner = `bash --norc --noprofile --noediting -i`
    const terminal = open(pen, commandLine(pen, inner))
    await shows(terminal, /> $/)
    terminal.type('sleep 1000\n')
    await eventually('it sleeps', async () => (await namesIn(pen)).includes('sleep'))
    terminal.type('\x1a')
    const at = await shows(terminal, /Stopped/)
    terminal.type('jobs; kill %1; exit 3; exit 3\n')
    await shows(terminal, /sleep 1000/, at)
    expect(await terminal.exited).toEqual([3, null])
    expect(terminal.screen()).not.toMatch(/no job control/)
  })

  test('ends with the terminal, and so does what it started', async ({ pen }) => {
    const terminal = open(pen, commandLine(pen, `trap '' HUP; setsid sleep 1000 & echo ready; ${WAITING}`))
    await shows(terminal, /^ready/m)
    terminal.hangUp()
    await eventually('nobody is left', async () => (await pen.members()).length === 0)
  })
})
