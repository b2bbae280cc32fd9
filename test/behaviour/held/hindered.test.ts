// What would keep sessions from ending: a frozen cgroup of v1, and SIGCHLD ignored, which programs inherit.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { CLI } from '../../cli/command-line.js'
import { inPen, runInPen } from '../../support/backend.js'
import { compiledLibrary } from '../../support/compile-payload.js'
import { eventually } from '../../support/eventually.js'
import { frozenV1 } from '../../support/freezer-v1.js'
import { Gateway } from '../../support/gateway.js'
import { lacks } from '../../support/lacks.js'
import { openInPen } from '../../support/open-in-pen.js'
import { describeAll, type Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const IGNORES_SIGCHLD = fileURLToPath(new URL('payloads/ignores-sigchld.c', import.meta.url))

/** Runs it in a pen behind what a shell does first, and resolves with its status and output. */
async function runAfter(first: string, pen: Pen, ...words: string[]) {
  const child = pen.spawn('sh', ['-c', `${first}; exec "$@"`, 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [stdout, [status]] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { status, stdout }
}

/** Programs of a session that are all there. */
const SLEEPERS = 'sleep 1000 & sleep 1000 & wait'

describe('a session of which processes are in a frozen v1 cgroup', () => {
  test.beforeEach(({ skip }) => skip(lacks('freezer-v1'), 'there is no freezer of cgroup v1 here'))

  test('ends, and others there stay frozen', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'sh', args: ['-c', SLEEPERS], mode: 'persistent' })
    await eventually('all sleep', () => session.members().length === 3)
    const other = spawn('sleep', ['1000'])
    onTestFinished(() => void other.kill('SIGKILL'))
    const pids = session.members()
    await using frozen = await frozenV1([...pids, other.pid ?? 0])
    const report = await session.close({ graceMs: 0 })
    expect(report.killed.count).toBe(3)
    expect(await frozen.state()).toBe('FROZEN')
    const left = await describeAll(pids)
    expect(left.filter((one) => / \[[^Z]/.test(one))).toEqual([]) // zombies are for init to reap
  })

  test('ends with its gateway', async ({ pen }) => {
    const gateway = await Gateway.open(pen, inPen(pen))
    const { pid } = await gateway.spawn({ command: 'sleep', args: ['1000'] })
    await using _frozen = await frozenV1([pid])
    await gateway.kill()
    await eventually('nobody is left', async () => (await pen.members()).length === 0)
  })
})

describe('where SIGCHLD is ignored', () => {
  const IGNORED = "trap '' CHLD"
  const COMMAND = ['sh', '-c', '(setsid sleep 1000 &) >/dev/null 2>&1; exit 7']

  test('the status of corral run is that of its command, and nothing is left', async ({ pen }) => {
    const run = [process.execPath, CLI, 'run', ...runInPen(pen), '--', ...COMMAND]
    expect(await runAfter(IGNORED, pen, ...run)).toMatchObject({ status: 7 })
    await eventually('nobody is left', async () => (await pen.members()).length === 0)
  })

  test('a wrapped command ends with its own, and its session is over', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { command, args, session } = await corral.wrap('sh', COMMAND.slice(1))
    expect(await runAfter(IGNORED, pen, command, ...args)).toMatchObject({ status: 7 })
    expect(await session.closed).toMatchObject({ reason: 'oneshot-complete' })
  })

  test('by the gateway itself, it knows how its sessions end all the same', async ({ pen }) => {
    const corral = await openInPen(pen)
    // Not an addon, which is told once it is loaded: then SIGCHLD is ignored in this process
    const library = await compiledLibrary(IGNORES_SIGCHLD)
    expect(() => process.dlopen({ exports: {} }, library)).toThrow('self-register')
    const { closed } = await corral.spawn({ command: 'sh', args: ['-c', 'exit 7'] })
    expect(await closed).toMatchObject({ exitCode: 7, signal: null })
  })
})
