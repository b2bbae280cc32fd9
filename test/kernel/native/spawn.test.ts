// The native spawner, by what its children see. Each way of placing a child in its group: clone3, and the one for
// kernels and seccomp filters that refuse clone3.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { loadNative } from '../../../src/native/addon.js'
import { type NativeProcessPlan, packPlan } from '../../../src/native/plan.js'
import { eventually } from '../../support/eventually.js'
import { test } from '../../support/pen-test.js'

const native = loadNative()
let directory = ''

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'corral-spawn-'))
})
afterAll(() => rm(directory, { recursive: true }))

type Plan = NativeProcessPlan & { group: string; noClone3: boolean }

interface Result {
  stdout: string
  stderr: string
  code: number
  signal: number
  pid: number
  createdInPlace: boolean
}

/** Runs to the end, with stdin ended at once. */
async function run({
  group = '',
  noClone3 = false,
  ...plan
}: Partial<Plan> & { command: string }): Promise<Result> {
  const { started, exited } = native.spawn(
    packPlan(
      { argv: [plan.command], stdio: ['socket', 'socket', 'socket'], ...plan },
      { group, noClone3, make: '' },
    ),
  )
  const [pid, pidfd, createdInPlace, ...fds] = await started
  const [stdin, stdout, stderr] = fds.map((fd, index) =>
    fd < 0 ? undefined : new Socket({ fd, readable: index !== 0, writable: index === 0 }),
  )
  stdin?.end()
  native.ref()
  const [exit, out, err] = await Promise.all([exited, stdout ? text(stdout) : '', stderr ? text(stderr) : ''])
  native.unref()
  native.close(pidfd)
  return { stdout: out, stderr: err, ...exit, pid, createdInPlace }
}

const sh = (script: string, plan: Partial<Plan> = {}) =>
  run({ command: 'sh', argv: ['sh', '-c', script], ...plan })

const openFds = async () => (await readdir('/proc/self/fd')).length
const statusField = (status: string, name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]

describe.each([
  { way: 'clone3', noClone3: false },
  { way: 'clone and a write of 0 to cgroup.procs', noClone3: true },
])('a child placed by $way', ({ noClone3 }) => {
  test('is in its group from its first instruction on', async ({ pen }) => {
    await mkdir(`${pen.path}/group`)
    const result = await run({
      command: 'cat',
      argv: ['cat', '/proc/self/cgroup'],
      group: `${pen.path}/group`,
      noClone3,
    })
    expect(result.stdout).toMatch(new RegExp(`^0::.*/${path.basename(pen.path)}/group$`, 'm'))
    expect(result.createdInPlace).toBe(!noClone3)
  })

  test('has no signal blocked, ignored or handled, whatever the gateway does', async () => {
    const ignore = () => undefined
    process.on('SIGUSR2', ignore)
    onTestFinished(() => void process.off('SIGUSR2', ignore))
    const { stdout } = await run({ command: 'cat', argv: ['cat', '/proc/self/status'], noClone3 })
    for (const field of ['SigBlk', 'SigIgn', 'SigCgt'])
      expect(statusField(stdout, field)).toBe('0000000000000000')
  })

  test('has its stdio and no other descriptor', async () => {
    const { stdout } = await run({ command: 'ls', argv: ['ls', '/proc/self/fd'], noClone3 })
    expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '3']) // 3 is the directory that ls reads
  })

  // A child copies the table up to the highest descriptor that it needs: what is held must not be below that
  test('leaves low descriptors to others where many are open, and needs no other low one', async () => {
    const many = await Promise.all(Array.from({ length: 100 }, () => open('/dev/null')))
    onTestFinished(async () => void (await Promise.all(many.map((file) => file.close()))))
    const lowest = openSync('/dev/null', 'r')
    closeSync(lowest)
    const plan: NativeProcessPlan = {
      command: 'sh',
      argv: ['sh', '-c', 'cd /proc/self/fd; echo *; cat'], // the last is the directory itself
      stdio: ['socket', 'socket', 'ignore', many[50]?.fd ?? 0],
    }
    const { started, exited } = native.spawn(packPlan(plan, { group: '', noClone3, make: '' }))
    const [, pidfd, , stdin = -1, stdout = -1] = await started
    native.ref()
    onTestFinished(() => native.unref())
    for (const held of [pidfd, stdin, stdout]) expect(held).toBeGreaterThan(lowest + 100)
    const free = openSync('/dev/null', 'r')
    closeSync(free)
    expect(free).toBe(lowest)
    const [out] = await Promise.all([
      text(new Socket({ fd: stdout, writable: false })),
      new Socket({ fd: stdin, readable: false }).end('heard'),
    ])
    expect(out).toBe('0 1 2 3 4\nheard')
    expect(await exited).toEqual({ code: 0, signal: 0 })
    native.close(pidfd)
  })

  test('fails by the errno and path of what refused it, and leaves no descriptor and no zombie', async ({
    pen,
  }) => {
    await writeFile(`${directory}/not-executable`, '#!/bin/sh\n')
    await mkdir(`${pen.path}/group`)
    await expect(run({ command: '/bin/true' })).resolves.toBeDefined() // threads and their descriptors are there now
    const before = await openFds()
    const failures: [Partial<Plan> & { command: string }, object][] = [
      [{ command: '/nonexistent' }, { errno: -2, syscall: 'exec', path: '/nonexistent' }],
      [{ command: 'no-such-command-anywhere' }, { errno: -2, syscall: 'exec' }],
      [{ command: `${directory}/not-executable` }, { errno: -13, syscall: 'exec' }],
      [
        { command: 'true', cwd: '/nonexistent' },
        { errno: -2, syscall: 'chdir', path: '/nonexistent' },
      ],
      [
        { command: 'true', group: `${pen.path}/missing` },
        { errno: -2, path: `${pen.path}/missing` },
      ],
      [
        { command: 'true', stdio: [9999, 'socket', 'socket'] },
        { errno: -9, syscall: 'dup' },
      ],
    ]
    for (const [plan, error] of failures)
      await expect(run({ group: `${pen.path}/group`, ...plan, noClone3 })).rejects.toMatchObject(error)
    expect(await openFds()).toBe(before)
    expect(await pen.members()).toEqual([])
    const children = (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim()
    expect(children).toBe('')
  })
})

describe('a child', () => {
  test('takes argv[0], cwd, environment and a session of its own', async () => {
    const result = await run({
      command: 'sh',
      argv: ['other-name', '-c', 'echo "$0|$(pwd)|$NAME|$(cut -d" " -f6 /proc/$$/stat)|$$"'],
      cwd: '/usr',
      env: ['NAME=value', 'PATH=/bin:/usr/bin'],
      detached: true,
    })
    const [name, cwd, variable, session, pid] = result.stdout.trim().split('|')
    expect([name, cwd, variable]).toEqual(['other-name', '/usr', 'value'])
    expect(session).toBe(pid)
  })

  test('is looked up in the PATH of its own environment', async () => {
    await writeFile(`${directory}/only-here`, '#!/bin/sh\necho found\n')
    await chmod(`${directory}/only-here`, 0o755)
    await expect(run({ command: 'only-here' })).rejects.toMatchObject({ errno: -2 })
    const { stdout } = await run({ command: 'only-here', env: [`PATH=/nowhere:${directory}`] })
    expect(stdout).toBe('found\n')
  })

  test('without a #! line is given to the shell, as execvp does', async () => {
    await writeFile(`${directory}/plain`, 'echo "$1 $2"\n')
    await chmod(`${directory}/plain`, 0o755)
    const { stdout } = await run({ command: `${directory}/plain`, argv: ['plain', 'one', 'two'] })
    expect(stdout).toBe('one two\n')
  })

  test('runs as another user and group, with no supplementary groups, where we may do that', async () => {
    const other = run({ command: 'id', argv: ['id'], uid: 65534, gid: 65534 })
    if (process.getuid?.() !== 0) return expect(other).rejects.toMatchObject({ errno: -1, syscall: 'setgid' })
    const { stdout } = await other
    expect(stdout).toContain('uid=65534')
    expect(stdout).toContain('gid=65534')
    expect(stdout).toMatch(/groups=65534\S*\n/)
  })

  test('has sockets, pipes or /dev/null as stdio, as asked', async () => {
    const script = 'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; stat -Lc %F /dev/fd/2'
    const sockets = await sh(script)
    expect(
      sockets.stdout
        .split('\n')
        .slice(0, 2)
        .every((link) => link.startsWith('socket:')),
    ).toBe(true)
    const pipes = await sh(script, { stdio: ['pipe-in', 'pipe-out', 'ignore'] })
    const [input, out, err, kind] = pipes.stdout.split('\n')
    expect([input?.split(':')[0], out?.split(':')[0], err, kind]).toEqual([
      'pipe',
      'pipe',
      '/dev/null',
      'character special file',
    ])
  })

  test('can be given descriptors in any order, also such that are each other’s targets', async () => {
    const names = ['zero', 'one', 'two', 'three']
    for (const name of names) await writeFile(`${directory}/${name}`, name)
    const files = await Promise.all(names.map((name) => open(`${directory}/${name}`)))
    onTestFinished(async () => {
      for (const file of files) await file.close()
    })
    const [zero, one, two, three] = files.map((file) => file.fd) as [number, number, number, number]
    const { stdout } = await sh('cat <&0; cat <&3; cat <&4; cat <&5', {
      stdio: [three, 'socket', 'socket', two, one, zero],
    })
    expect(stdout).toBe('threetwoonezero')
  })

  test('that inherits stdio finds it blocking, also where the gateway made it non-blocking', async () => {
    const pipe = `${directory}/pipe`
    execFileSync('mkfifo', [pipe])
    const file = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    onTestFinished(() => file.close())
    const { stdout } = await sh('cat /proc/self/fdinfo/0', { stdio: [file.fd, 'socket', 'socket'] })
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(stdout)?.[1] ?? '', 8)
    expect(flags & constants.O_NONBLOCK).toBe(0)
  })

  test('that is put into a frozen group is refused, and nobody hangs', async ({ pen }) => {
    await mkdir(`${pen.path}/frozen`)
    await writeFile(`${pen.path}/frozen/cgroup.freeze`, '1')
    await eventually('the group is frozen', async () =>
      (await readFile(`${pen.path}/frozen/cgroup.events`, 'utf8')).includes('frozen 1'),
    )
    await expect(run({ command: 'true', group: `${pen.path}/frozen` })).rejects.toMatchObject({ errno: -16 })
    await expect(run({ command: 'true' })).resolves.toMatchObject({ code: 0 })
  })

  test('that is put into a group that was killed once is never taken for a running one', async ({
    pen,
    skip,
  }) => {
    skip(!existsSync(`${pen.path}/cgroup.kill`), 'this kernel has no cgroup.kill')
    await mkdir(`${pen.path}/killed`)
    await writeFile(`${pen.path}/killed/cgroup.kill`, '1')
    // Kernels before 7.3 kill the child at once; later ones let it run
    const result = await run({ command: 'true', group: `${pen.path}/killed` }).catch(
      (error: unknown) => error,
    )
    if (result instanceof Error) expect(result).toMatchObject({ errno: -125 })
    else expect(result).toMatchObject({ code: 0 })
  })

  test('tells its exit status, or the signal that ended it', async () => {
    expect(await sh('exit 42')).toMatchObject({ code: 42, signal: 0 })
    expect(await sh('kill -KILL $$')).toMatchObject({ code: -1, signal: 9 })
  })

  test('gets all of a large argument list and environment', async () => {
    const big = Array.from({ length: 500 }, (_, index) => `${index}-${'x'.repeat(200)}`)
    const { stdout } = await run({
      command: 'sh',
      argv: ['sh', '-c', 'echo $#; env | wc -c', 'sh', ...big],
      env: ['PATH=/bin:/usr/bin', `BIG=${'y'.repeat(100_000)}`],
    })
    const [count, size] = stdout.trim().split('\n').map(Number)
    expect(count).toBe(500)
    expect(size).toBeGreaterThan(100_000)
  })
})
