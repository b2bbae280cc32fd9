// `corral-warden run`: what `corral run` becomes, and the native entry point. The tests of `corral run` itself
// (test/cli) hold for it too; here is what is its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import { wardenPath } from '../../../src/native/addon.js'
import { Observer } from '../../../src/observe/observer.js'
import { eventually, stays } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { descriptorsOf, expectNothingLeft, guardOf, start, statOf, warden } from './warden.js'

const counter = new URL('fixtures/say-interrupts.mjs', import.meta.url).pathname
const READY = 'echo ready; exec sleep 1000'

/** A run of a shell script that says `ready` when it is. */
async function running(pen: Pen, script = READY, options: readonly string[] = []) {
  const child = start(['run', '--root', pen.path, ...options, '--', 'sh', '-c', script])
  const exited = once(child, 'exit')
  await line(child.stdout, /^ready$/)
  const [instance = ''] = (await readdir(join(pen.path, 'corral'))).filter((name) =>
    /^i[0-9a-f]+$/.test(name),
  )
  return { child, pid: child.pid ?? 0, exited, instance }
}

describe('corral-warden run', () => {
  test('makes the instance, the group and its settings by itself, given a root', async ({ pen }) => {
    const place = ['--place', 'mother/child', '--set', 'cgroup.max.descendants=7']
    const { child, exited, instance } = await running(pen, READY, place)
    const group = join(pen.path, 'corral', instance, 'sessions', 'mother', 'child', 'agent')
    expect(await pen.groups()).toContain(group)
    const [view] = await new Observer({ root: pen.path }).list()
    expect(view).toMatchObject({
      instance,
      alive: true,
      pid: child.pid,
      command: expect.stringMatching(/^corral run -- sh -c /),
      sessions: [{ key: 'mother', children: [{ key: 'child', group: { mode: 'oneshot', processes: 1 } }] }],
    })
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGTERM'])
    expect(await pen.groups()).toEqual([])
  })

  test('says which setting it goes without, where that is allowed', async ({ pen }) => {
    const words = ['run', '--root', pen.path, '--try-set', 'memory.no-such=1', '--', 'sh', '-c', 'exit 3']
    const child = spawn(wardenPath(), words, { stdio: ['ignore', 'ignore', 'pipe'] })
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect({ status, said }).toEqual({
      status: 3,
      said: "corral: memory.no-such is not enforced: there is no memory.no-such in this kernel's cgroups\n",
    })
  })

  // It is not dumpable: its descriptors are root's to see (proc(5))
  test.skipIf(lacks('root'))(
    'holds the input, and of its own what it waits for; the output is the command’s alone',
    async ({ pen }) => {
      const { pid } = await running(pen)
      // The command speaks before the warden has let go of the output
      await eventually('it has let go of it', () => descriptorsOf(pid)[1] === '/dev/null')
      expect(descriptorsOf(pid)).toEqual([
        expect.stringMatching(/^(socket|pipe):/),
        '/dev/null',
        expect.stringMatching(/^(socket|pipe):/),
        'anon_inode:[signalfd]',
        'anon_inode:[pidfd]', // its parent
        expect.stringMatching(/^\//), // the root, as the mount that it is in names it
        expect.stringMatching(/^socket:/), // the lifeline of its guard
        expect.stringMatching(/\/corral\/i[0-9a-f]+$/), // the lock
        expect.stringMatching(/\/corral\/i[0-9a-f]+\/sessions\/.*\/agent$/),
        expect.stringMatching(/\/corral\/i[0-9a-f]+$/), // the instance, for guards
        'anon_inode:[pidfd]', // the command
      ])
    },
  )

  test('starts another guard for one that dies, again and again', async ({ pen }) => {
    const { child, instance, exited } = await running(pen)
    for (let round = 0; round < 3; round++) {
      const before = await guardOf(pen.path, instance)
      process.kill(before, 'SIGKILL')
      await eventually('another guard is there', async () => {
        const pid = await guardOf(pen.path, instance).catch(() => before)
        return pid !== before && statOf(pid)[1] !== String(child.pid)
      })
    }
    child.kill('SIGKILL')
    await exited
    await expectNothingLeft(pen)
  })

  test('goes on when its parent is gone while its input is held by somebody', async ({ pen }) => {
    const holder = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void holder.kill('SIGKILL'))
    const { child, pid, exited } = await throughShell(pen, holder.stdout)
    holder.stdout.destroy()
    child.kill('SIGKILL')
    await exited
    await eventually('it has another parent', () => statOf(pid)[1] !== String(child.pid))
    expect(await pen.members()).toHaveLength(1)
    holder.stdin.end()
    await expectNothingLeft(pen)
  })

  test('goes on when its parent is gone and it never had an input', async ({ pen }) => {
    const { child, pid, exited } = await throughShell(pen, 'ignore')
    child.kill('SIGKILL')
    await exited
    await eventually('it has another parent', () => statOf(pid)[1] !== String(child.pid))
    expect(await pen.members()).toHaveLength(1)
    process.kill(pid, 'SIGTERM')
    await expectNothingLeft(pen)
  })

  test('goes on when its input has ended and its parent lives', async ({ pen }) => {
    const { child, exited } = await running(pen, 'echo ready; cat >/dev/null; echo over; exec sleep 1000')
    const over = line(child.stdout, /^over$/)
    child.stdin.end()
    await over
    expect(await pen.members()).toHaveLength(1)
    child.kill('SIGTERM')
    await exited
    await expectNothingLeft(pen)
  })

  test('ends what the command left stopped', async ({ pen }) => {
    const { exited, child } = await running(pen, 'sleep 1000 & kill -STOP $!; echo ready; read -r line')
    child.stdin.write('go\n')
    expect(await exited).toEqual([0, null])
    await expectNothingLeft(pen)
  })

  test('sweeps first what others left', async ({ pen }) => {
    const { child, exited, instance } = await running(pen)
    process.kill(await guardOf(pen.path, instance), 'SIGSTOP') // as good as dead, and not replaced
    child.kill('SIGKILL')
    await exited
    expect(await pen.members()).toHaveLength(1)
    expect(await warden(['run', '--root', pen.path, '--', 'true'])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    })
    await expectNothingLeft(pen)
  })

  test('gives the command nothing of its own where it was given no stdio', async ({ pen }) => {
    const script = 'exec 0<&- 2>&-; exec "$0" run --root "$1" -- readlink /proc/self/fd/0 /proc/self/fd/2'
    const shell = spawn('sh', ['-c', script, wardenPath(), pen.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    expect(await text(shell.stdout)).toBe('/dev/null\n/dev/null\n')
  })

  test('finds its command in the last of many directories of the PATH', async ({ pen }) => {
    const directories = Array.from({ length: 300 }, (_, at) => join('/nowhere', String(at)))
    const env = { PATH: [...directories, '/usr/bin', '/bin'].join(':') }
    const child = spawn(wardenPath(), ['run', '--root', pen.path, '--', 'true'], { env, stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  // script(1) gives it a terminal; ^C there is a SIGINT of the kernel's to the whole foreground group
  test('leaves a signal of the terminal to the terminal: the command has it once', async ({ pen }) => {
    const run = `'${wardenPath()}' run --root '${pen.path}' -- '${process.execPath}' '${counter}'`
    const terminal = spawn('script', ['-qec', run, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void terminal.kill('SIGKILL'))
    const ended = once(terminal, 'exit')
    await line(terminal.stdout, /ready/)
    let printed = ''
    terminal.stdout.on('data', (text) => {
      printed += text
    })
    const interrupts = () => printed.split('interrupted').length - 1
    terminal.stdin.write('\x03')
    await eventually('it is interrupted', () => interrupts() > 0)
    await stays(() => interrupts() === 1, {
      forMs: 200,
      why: 'the warden has the signal too, and passes on others',
    })
    terminal.stdin.write('\n')
    await ended
    await expectNothingLeft(pen)
  })
})

/** A run below a shell, which ends its parent when it ends. */
async function throughShell(pen: Pen, stdin: Readable | 'ignore') {
  const script = `exec 3<&0; "$0" run --root "$1" -- sh -c '${READY}' <&3 & echo "pid $!"; wait`
  const child = spawn('sh', ['-c', script, wardenPath(), pen.path], { stdio: [stdin, 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('it has no stdout')
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const said = line(child.stdout, /^pid /)
  await line(child.stdout, /^ready$/)
  return { child, exited, pid: Number((await said).slice('pid '.length)) }
}
