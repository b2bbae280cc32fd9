// The exit status of `corral run` is that of its command, or says why there was none.
import { constants } from 'node:os'
import { describe, expect } from 'vitest'
import { corral, refused } from '../../cli/command-line.js'
import { runInPen } from '../../support/backend.js'
import { differs } from '../../support/differences.js'
import { type Lack, lacks } from '../../support/lacks.js'
import { test } from '../../support/pen-test.js'

const NOT_ENFORCED = (cap: string) => `corral: ${cap} is not enforced: no controller here can enforce it`

describe('the exit status of corral run', () => {
  test.for([0, 1, 4, 255])('is that of the command: %i', async (code, { pen }) => {
    const { status, signal, stderr } = await corral([
      'run',
      ...runInPen(pen),
      '--',
      'sh',
      '-c',
      `exit ${code}`,
    ])
    expect({ status, signal, stderr }).toEqual({ status: code, signal: null, stderr: '' })
    expect(await pen.groups()).toEqual([])
  })

  test.for(['SIGHUP', 'SIGTERM', 'SIGKILL', 'SIGSEGV'] as const)(
    'is none, where the command was ended by %s: it ends by that',
    async (ended, { pen }) => {
      const script = ['sh', '-c', `kill -${constants.signals[ended]} $$`]
      const { status, signal, stderr } = await corral(['run', ...runInPen(pen), '--', ...script])
      expect({ status, signal, stderr }).toEqual({ status: null, signal: ended, stderr: '' })
      expect(await pen.groups()).toEqual([])
    },
  )

  // SIGRTMIN + 1 of the kernel: real-time signals have numbers only
  test.for([constants.signals.SIGTERM, constants.signals.SIGSEGV, 35])(
    'is 128 and the number of signal %i, where that is asked for',
    async (number, { pen }) => {
      const script = ['--status-128', '--', 'sh', '-c', `kill -${number} $$`]
      const { status, signal, stderr } = await corral(['run', ...runInPen(pen), ...script])
      expect({ status, signal, stderr }).toEqual({ status: 128 + number, signal: null, stderr: '' })
      expect(await pen.groups()).toEqual([])
    },
  )

  test.for([
    [
      'one that ends when it is asked',
      ['--grace', '600000'],
      'trap "exit 3" TERM; while :; do sleep 0.05; done',
    ],
    [
      'one that has to be killed',
      ['--grace', '50'],
      'trap "" TERM; sleep 1000 & while :; do sleep 0.05; done',
    ],
  ] as const)('is 124 after --timeout: %s', async ([, grace, script], { pen }) => {
    const words = ['run', ...runInPen(pen), '--timeout', '200', ...grace, '--', 'sh', '-c', script]
    const { status, signal } = await corral(words) // on stderr the shell tells of its child's end
    expect({ status, signal }).toEqual({ status: 124, signal: null })
    expect(await pen.groups()).toEqual([])
    const early = await corral(['run', ...runInPen(pen), '--timeout', '600000', '--', 'sh', '-c', 'exit 5'])
    expect(early.status).toBe(5)
  })

  test.for([
    [127, 'no such program', 'corral-test-no-such-program'],
    [127, 'no such file', '/usr/no/such/file'],
    [126, 'a directory', '/usr'],
    [126, 'a file that is no program', '/etc/passwd'],
  ] as const)('is %i for %s, which is named', async ([expected, , command], { pen }) => {
    const { status, stdout, stderr } = await corral(['run', ...runInPen(pen), '--', command])
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' })
    expect(stderr).toMatch(/^corral: [^\n]+\n$/)
    expect(stderr).toContain(command)
    expect(await pen.groups()).toEqual([])
  })

  test.for([
    ['no command', []],
    ['no command after --', ['--']],
    ['an option that there is not', ['--bogus', '--', 'true']],
    ['an option without its value', ['--session']],
    ['an empty key', ['--session', '', '--', 'true']],
    ['a key that is too long', ['--session', 'k'.repeat(4097), '--', 'true']],
    ['a session that is its own parent', ['--session', 'a', '--parent', 'a', '--', 'true']],
    ['a size that cannot be read', ['--memory-max', '1.5X', '--', 'true']],
    ['a count that is no number', ['--pids-max', 'many', '--', 'true']],
    ['a count that is not whole', ['--pids-max', '1.5', '--', 'true']],
    ['a grace time that is no number', ['--grace', 'long', '--', 'true']],
    ['a negative grace time', ['--grace', '-1', '--', 'true']],
    ['an empty command', ['--', '']],
    ['memory-high above memory-max', ['--memory-high', '2G', '--memory-max', '1G', '--', 'true']],
  ] as const)('is 2 for %s, with a word on it, and nothing is made', async ([, args], { pen }) => {
    const { status, stdout, stderr } = await refused(['run', ...runInPen(pen), ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^(?:corral|error): \S/)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(await pen.groups()).toEqual([])
  })

  test('is 1 where there is no root, which is named', async () => {
    const { status, stdout, stderr } = await corral(['run', '--root', '/nowhere', '--', 'true'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^corral: .*\/nowhere: it does not exist.*corral doctor/)
  })

  test('is that of the command under caps that nothing here enforces, where that is allowed, and these are said', async ({
    pen,
  }) => {
    const caps = ['--memory-max', '512M', '--memory-high', '256M', '--swap-max', '0', '--pids-max', '64']
    const args = ['run', ...runInPen(pen), ...caps, '--cpu-max', '1.5', '--best-effort']
    const { status, stderr } = await corral([...args, '--', 'sh', '-c', 'exit 4'])
    const left = (cap: string, lack: Lack) => (lacks(lack) ? [NOT_ENFORCED(cap)] : [])
    const said = differs('limits', {
      cgroup: () => [
        ...left('--memory-high', 'memory'),
        ...left('--swap-max', 'memory'),
        ...left('--pids-max', 'pids'),
        ...left('--cpu-max', 'cpu'),
      ],
      subreaper: () => ['--memory-high', '--swap-max', '--pids-max', '--cpu-max'].map(NOT_ENFORCED),
    })
    expect({ status, said: stderr.split('\n') }).toEqual({ status: 4, said: [...said, ''] })
    expect(await pen.groups()).toEqual([])
  })
})

describe('the summary of corral run', () => {
  // A fifth of a second of CPU time, in ticks of proc_pid_stat(5)
  const BUSY = `while read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ </proc/$$/stat; [ $((user + system)) -lt 20 ]; do :; done
    sleep 1000 & exit 3`

  test('has what is known of time, CPU, memory and the killed, where it is asked for', async ({ pen }) => {
    const words = ['run', ...runInPen(pen), '--summary', '--drain', '0', '--', 'sh', '-c', BUSY]
    const { status, stdout, stderr } = await corral(words)
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' })
    // Not every kernel keeps the peak of a cgroup
    const memory = differs('usage', {
      cgroup: () => '(peak memory [1-9][\\d.]*[KMG], )?',
      subreaper: () => '',
    })
    const line = `^corral: \\d+\\.\\d s, (?!0\\.0)\\d+\\.\\d s of CPU, ${memory}1 killed\n$`
    expect(stderr).toMatch(new RegExp(line))
  })

  test('comes before the end by a signal, and not where the command cannot be started', async ({ pen }) => {
    const words = ['run', ...runInPen(pen), '--summary', '--']
    const ended = await corral([...words, 'sh', '-c', 'kill -SEGV $$'])
    expect(ended.signal).toBe('SIGSEGV')
    expect(ended.stderr).toMatch(/^corral: .* s, .*0 killed\n$/)
    const none = await corral([...words, 'corral-test-no-such-program'])
    expect(none.stderr).not.toMatch(/ s, | killed/)
  })
})

describe('what holds the command of corral run', () => {
  test.for([
    [
      'a backend that there is not',
      ['--backend', 'docker'],
      /Invalid --backend: expected .*'subreaper'.*, got 'docker'/,
    ],
    [
      'a root without cgroups',
      ['--backend', 'subreaper', '--root', '/'],
      /--backend 'subreaper' cannot have a root/,
    ],
  ] as const)('is not %s, which ends with 2', async ([, args, says]) => {
    const { status, stdout, stderr } = await refused(['run', ...args, '--', 'true'])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(says)
  })

  test('has to hold a cap that is required', async ({ pen }) => {
    const caps = ['--pids-max', '64', '--cpu-max', '1.5']
    await differs('limits', {
      cgroup: async () => undefined, // goes by the controllers of the root: test/unit/limits
      subreaper: async () => {
        const { status, stderr } = await corral(['run', ...runInPen(pen), ...caps, '--', 'true'])
        expect(status).toBe(1)
        expect(stderr).toMatch(
          /^corral: no controller here can enforce --pids-max, --cpu-max over a session.*--best-effort/,
        )
      },
    })
  })
})
