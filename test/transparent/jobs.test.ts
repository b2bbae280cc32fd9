// `corral run` as a job of a shell, and `corral run` and a gateway as the first process of a container.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { compiled } from '../support/compile-payload.js'
import { eventually } from '../support/eventually.js'
import { lacks } from '../support/lacks.js'
import { line } from '../support/line.js'
import { output } from '../support/output.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
const WAYS = ['cgroup', 'subreaper'] as const

const run = (way: (typeof WAYS)[number], pen: Pen) => [
  LAUNCHER,
  'run',
  ...(way === 'cgroup' ? ['--root', pen.path] : ['--backend', way]),
  '--',
]
const stateOf = (pid: number) => /^State:\s*(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
const tryToKill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // it has ended
}
const numberIn = async (stdout: Readable, pattern: RegExp) =>
  Number((await line(stdout, pattern)).split(' ')[1])

describe('corral run', () => {
  test.for(WAYS)('stops with its command, and goes on with it, held by %s', async (way, { pen }) => {
    const job = await compiled(at('payloads/job.c'))
    const command = ['sh', '-c', 'echo "command $$"; exec sleep 1000']
    const shell = spawn(job, [...run(way, pen), ...command], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said = output(shell.stdout)
    const [wrapper, pid] = await Promise.all(
      [/^job/, /^command/].map((pattern) => numberIn(shell.stdout, pattern)),
    )
    if (!wrapper || !pid) throw new Error('there are no pids')
    onTestFinished(() => void tryToKill(wrapper))
    const bothAre = (state: string) => stateOf(wrapper) === state && stateOf(pid) === state
    process.kill(wrapper, 'SIGTSTP')
    await line(shell.stdout, /^stopped/)
    expect(bothAre('T')).toBe(true)
    process.kill(wrapper, 'SIGCONT')
    await eventually('both go on', () => bothAre('S'))
    process.kill(pid, 'SIGTTIN')
    await line(shell.stdout, /^stopped/)
    expect(bothAre('T')).toBe(true)
    process.kill(wrapper, 'SIGCONT')
    await eventually('both go on', () => bothAre('S'))
    // Rows of docs/cli.md: SIGSTOP stops one of them alone
    process.kill(pid, 'SIGSTOP')
    await eventually('the command is stopped', () => stateOf(pid) === 'T')
    expect(stateOf(wrapper)).not.toBe('T') // it hears of that, and may be at it
    process.kill(pid, 'SIGCONT')
    process.kill(wrapper, 'SIGSTOP')
    await line(shell.stdout, /^stopped/) // a shell that has not waited yet would miss the stop
    expect(stateOf(wrapper)).toBe('T')
    expect(stateOf(pid)).not.toBe('T')
    process.kill(wrapper, 'SIGCONT')
    process.kill(wrapper, 'SIGTERM')
    const { SIGTSTP, SIGTTIN, SIGSTOP, SIGTERM } = constants.signals
    expect((await said).match(/^(?:stopped|ended|exited).*$/gm)).toEqual([
      `stopped by ${SIGTSTP}`,
      `stopped by ${SIGTTIN}`,
      `stopped by ${SIGSTOP}`,
      `ended by ${SIGTERM}`,
    ])
    expect(await pen.members()).toEqual([])
  })

  test.skipIf(lacks('namespaces')).for(WAYS)(
    'reaps what its command leaves, as the first process of a pid namespace, held by %s',
    async (way, { pen }) => {
      const script = `
        for i in 1 2 3 4 5 6 7 8; do (sleep 0.05 & exit 0); (setsid sleep 0.05 & exit 0); done
        until ! grep -qE '^State:.(S|R).*' $(grep -lxE 'Name:.sleep' /proc/[0-9]*/status) /dev/null; do sleep 0.05; done 2>/dev/null
        for i in $(seq 200); do
          zombies=$(grep -lE '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l)
          [ "$zombies" -gt 0 ] || break
          sleep 0.05
        done
        echo "zombies $zombies"`
      const words = ['-pf', '--mount-proc', '--kill-child', ...run(way, pen), 'bash', '-c', script]
      const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      const [said, stderr] = await Promise.all([
        output(child.stdout),
        output(child.stderr),
        once(child, 'exit'),
      ])
      expect({ said, stderr }).toEqual({ said: 'zombies 0\n', stderr: '' })
    },
  )
})

test.skipIf(lacks('namespaces')).for(WAYS)(
  'a gateway that is the first process of a pid namespace has no zombies of its sessions, held by %s',
  async (way, { pen }) => {
    const root = way === 'cgroup' ? pen.path : '-'
    const words = [
      '-pf',
      '--mount-proc',
      '--kill-child',
      process.execPath,
      at('first-process.mjs'),
      way,
      root,
    ]
    const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    expect(await output(child.stdout)).toBe(
      "first true, codes 3,3,3,3,3, 4,; others' sleep; over: sleep; closed: sleep\n",
    )
  },
)
