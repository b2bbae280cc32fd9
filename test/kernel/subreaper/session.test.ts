// What a session without cgroups is told apart by: its receipt, its limits, its processes, and what it leaves in the gateway.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { othersOf } from '../../../src/backend/others.js'
import {
  type Corral,
  LimitUnsupportedError,
  type OpenOptions,
  openCorral,
  type SpawnOptions,
} from '../../../src/index.js'
import { penned, withoutGateway } from '../../support/entered-pen.js'
import { eventually } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import { output } from '../../support/output.js'
import { test } from '../../support/pen-test.js'

const MIB = 2 ** 20
const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const

async function open(options: OpenOptions = {}): Promise<Corral> {
  const corral = await openCorral({ backend: 'subreaper', ...options })
  onTestFinished(async () => {
    await corral.close({ graceMs: 0 })
  })
  return corral
}

const run = async (corral: Corral, script: string, options = {}) => {
  const session = await corral.spawn({ command: 'sh', args: ['-c', script], ...options })
  return output(session.process.stdout)
}

const HANDS_IN = `
import { openCorral } from 'corral'
const corral = await openCorral({ backend: 'subreaper' })
const tell = async () => {
  const session = await corral.spawn({ command: 'id', stdio: 'inherit' })
  await session.closed
}
await tell()
process.setgroups([1234, 5678])
await tell()
process.setgid(1234)
process.setuid(1234)
await tell()
await corral.spawn({ command: 'id', uid: 0 }).catch((error) => console.log(error.systemCode))
await corral.close()
`

test.skipIf(lacks('root'))('what a gateway starts has no rights that this has given up', async () => {
  const words = ['--input-type=module', '-e', HANDS_IN]
  const { stdout } = await promisify(execFile)(process.execPath, words)
  expect(
    stdout
      .replace(/\([^)]*\)/g, '')
      .trim()
      .split('\n'),
  ).toEqual([
    expect.stringMatching(/^uid=0 gid=0 /),
    'uid=0 gid=0 groups=0,1234,5678',
    'uid=1234 gid=1234 groups=1234,5678',
    'EPERM',
  ])
})

test('the receipt names the backend, the holder, and what is not held', async () => {
  const corral = await open()
  expect([corral.backend, corral.root]).toEqual(['subreaper', undefined])
  const session = await corral.spawn(sleeper)
  const { backend, path, notHeld, limits } = session.receipt
  expect({ backend, limits }).toEqual({ backend: 'subreaper', limits: [] })
  expect(await readFile(`${path}/comm`, 'utf8')).toBe('corral-holder\n')
  expect(await readFile(`/proc/${session.process.pid}/stat`, 'utf8')).toContain(` ${path.split('/').at(-1)} `)
  expect(notHeld ?? []).toEqual(othersOf('subreaper'))
})

test('a root is for cgroups, and another backend there is none', async () => {
  await expect(openCorral({ backend: 'subreaper', root: '/sys/fs/cgroup' })).rejects.toMatchObject({
    code: 'CORRAL_INVALID_ARGUMENT',
  })
  await expect(openCorral({ backend: 'jail' as 'auto' })).rejects.toThrow(/'auto' or 'cgroup' or 'subreaper'/)
})

describe('a process', () => {
  test('has the directory and the environment that the gateway has at that moment', async () => {
    const corral = await open()
    process.env['SET_AFTER_OPEN'] = 'yes'
    onTestFinished(() => {
      delete process.env['SET_AFTER_OPEN']
    })
    expect(await run(corral, 'echo $SET_AFTER_OPEN $PWD')).toBe(`yes ${process.cwd()}\n`)
    expect(await run(corral, 'echo "[$SET_AFTER_OPEN]" $PWD', { env: { PATH: '/bin' }, cwd: '/usr' })).toBe(
      '[] /usr\n',
    )
    expect(await run(corral, 'pwd', { cwd: 'test/kernel/subreaper' })).toBe(
      `${process.cwd()}/test/kernel/subreaper\n`,
    )
  })

  test('takes an environment that is larger than a message', async () => {
    const corral = await open()
    const env: Record<string, string> = { PATH: process.env['PATH'] ?? '' }
    for (let i = 0; i < 10; i++) env[`LARGE_${i}`] = 'x'.repeat(100_000)
    expect(await run(corral, 'env | wc -c', { env })).toMatch(/^10\d{5}$/m)
  })

  test('has no descriptor but its own, nothing blocked or ignored, and a session that is not the gateway’s', async () => {
    const corral = await open()
    expect(await run(corral, 'exec ls /proc/self/fd')).toBe('0\n1\n2\n3\n') // 3 is the directory that ls reads
    const status = await run(corral, 'exec cat /proc/self/status')
    for (const field of ['SigBlk', 'SigIgn']) expect(status).toMatch(new RegExp(`^${field}:\\s*0{16}$`, 'm'))
  })

  test('tells its exit status as exactly as ever', async () => {
    const corral = await open()
    for (const [script, code, signal] of [
      ['exit 0', 0, null],
      ['exit 255', 255, null],
      ['kill -SEGV $$', null, 'SIGSEGV'],
      ['kill -RTMIN $$', null, 'SIGRTMIN'],
    ] as const) {
      const session = await corral.spawn({ command: 'sh', args: ['-c', script] })
      const status = await session.process.exited
      expect(status.code).toBe(code)
      if (signal !== 'SIGRTMIN') expect(status.signal).toBe(signal)
    }
  })

  test('tells how it ended also when that is in the moment of the last look', async () => {
    // To look through all of /proc makes that moment longer
    vi.stubEnv('CORRAL_SCAN_PROC', '1')
    onTestFinished(() => void vi.unstubAllEnvs())
    const corral = await open()
    for (let round = 0; round < 50; round++) {
      const session = await corral.spawn(sleeper)
      expect(await session.close({ graceMs: 1_000_000, inputGraceMs: 0 })).toMatchObject({
        signal: 'SIGTERM',
      })
    }
  })

  test('that cannot be started leaves no descriptor, no process and no key', async ({ pen }) => {
    await penned(pen, async () => {
      const corral = await open()
      await corral.spawn({ command: 'true' }).then((session) => session.closed)
      const descriptors = async () => (await readdir('/proc/self/fd')).length
      const before = await descriptors()
      const failures: [Omit<SpawnOptions, 'key'>, object][] = [
        [{ command: '/nonexistent' }, { systemCode: 'ENOENT', path: '/nonexistent' }],
        [
          { command: 'true', cwd: '/nonexistent' },
          { systemCode: 'ENOENT', syscall: 'chdir' },
        ],
        [{ command: '/etc/passwd' }, { systemCode: 'EACCES' }],
        [
          { command: 'true', stdio: [9999, 'pipe', 'pipe'] },
          { systemCode: 'EBADF', syscall: 'dup' },
        ],
      ]
      for (const [plan, expected] of failures)
        await expect(corral.spawn({ key: 'k', ...plan })).rejects.toMatchObject({
          code: 'CORRAL_SPAWN_FAILED',
          ...expected,
        })
      await eventually('the holders are gone', async () => (await pen.members()).length === 2) // we and the keeper
      expect(await descriptors()).toBe(before)
    })
  })

  test('of many sessions leaves no descriptor', async () => {
    const corral = await open()
    await corral.spawn({ command: 'true' }).then((session) => session.closed)
    const before = (await readdir('/proc/self/fd')).length
    const sessions = await Promise.all(Array.from({ length: 20 }, () => corral.spawn({ command: 'true' })))
    await Promise.all(sessions.map(({ closed }) => closed))
    await eventually('all are closed', async () => (await readdir('/proc/self/fd')).length === before)
  })
})

describe('limits', () => {
  test('are refused where they are required, for a session, a family and all', async () => {
    const corral = await open()
    const limited = corral.spawn({ command: 'true', limits: { memoryMax: '1G' } })
    await expect(limited).rejects.toThrow(LimitUnsupportedError)
    await expect(corral.setFamilyLimits('k', { pidsMax: 5 })).rejects.toThrow(LimitUnsupportedError)
    expect(() => corral.setLimits({ cpuMax: 1 })).toThrow(LimitUnsupportedError)
    await expect(openCorral({ backend: 'subreaper', sessions: { pidsMax: 5 } })).rejects.toThrow(
      LimitUnsupportedError,
    )
    expect(corral.list()).toEqual([])
  })

  test('are the watchdog’s, or nobody’s, where that will do', async () => {
    const corral = await open({ enforcement: 'best-effort' })
    const script = "head -c 300M /dev/zero | tail; echo 'never here'"
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', script],
      limits: { memoryMax: '100M', pidsMax: 5 },
    })
    expect(session.receipt.limits).toEqual([
      {
        name: 'memoryMax',
        requested: 100 * MIB,
        applied: null,
        enforcedBy: 'watchdog',
        effective: 100 * MIB,
      },
      { name: 'pidsMax', requested: 5, applied: null, enforcedBy: 'none', effective: null },
    ])
    const report = await session.closed
    expect(report).toMatchObject({
      reason: 'memory-limit',
      signal: 'SIGKILL',
      outOfMemory: { of: 'session' },
    })
    expect(report.usage.memoryPeakBytes).toBeGreaterThan(100 * MIB)
  })
})

test('usage is that of all descendants, and the report has the CPU time of those that ended', async () => {
  const corral = await open()
  const burn = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', `(${burn}); echo burnt; sleep 1000 & sleep 1000`],
    mode: 'persistent',
  })
  if (!session.process.stdout) throw new Error('no stdout')
  await line(session.process.stdout, /^burnt$/)
  await eventually('all are there', () => session.usage().pids === 3)
  expect(session.usage().cpuUserMs).toBeGreaterThan(20)
  expect(session.usage().memoryBytes).toBeGreaterThan(0)
  expect(session.members()).toContain(session.process.pid)
  const { usage } = await session.close({ graceMs: 0 })
  expect(usage.cpuUserMs).toBeGreaterThan(20)
})

test('the end of the worker thread that opened it is the end of its sessions', async ({ pen }) => {
  await penned(pen, async () => {
    const program = `
      import('corral').then(async ({ openCorral }) => {
        const corral = await openCorral({ backend: 'subreaper' })
        await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent' })
        require('node:worker_threads').parentPort.postMessage('spawned')
      })`
    const worker = new Worker(program, { eval: true })
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    expect(await withoutGateway(await pen.members())).toHaveLength(1)
    await worker.terminate()
    await eventually('nobody is left', async () => (await pen.members()).length === 1)
  })
})

test('the same way goes where the kernel lists no children', async () => {
  process.env['CORRAL_SCAN_PROC'] = '1'
  onTestFinished(() => {
    delete process.env['CORRAL_SCAN_PROC']
  })
  const corral = await open()
  const script = 'sleep 1000 & (setsid sleep 1000 &); sleep 1000 & echo ready; wait'
  const session = await corral.spawn({ command: 'sh', args: ['-c', script], mode: 'persistent' })
  if (!session.process.stdout) throw new Error('no stdout')
  await line(session.process.stdout, /^ready$/)
  await eventually('all are there', () => session.members().length === 4)
  expect(await session.close({ graceMs: 0 })).toMatchObject({ killed: { count: 4 } })
})
