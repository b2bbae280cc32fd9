// A gateway that the kernel never kills for want of memory (oom_score_adj -1000): its sessions do not inherit that.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import type { BackendName } from '../../../src/index.js'
import { CLI } from '../../cli/command-line.js'
import { needing } from '../../support/controllers.js'
import { Gateway } from '../../support/gateway.js'
import { lacks } from '../../support/lacks.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const FILE = '/proc/self/oom_score_adj'

/** Starts a command with that score. */
const scored = (score: string) => ['sh', '-c', `echo ${score} >${FILE}; exec "$@"`, 'sh'] as const

async function runScored(score: string, ...words: string[]) {
  const [shell, ...first] = scored(score)
  const child = spawn(shell, [...first, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [stdout, [status, signal]] = await Promise.all([
    text(child.stdout),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { status: signal ?? status, stdout }
}

const run = (how: string[], ...command: string[]) => [process.execPath, CLI, 'run', ...how, '--', ...command]

describe.each<BackendName>(['cgroup', 'subreaper'])('held by a %s', (backend) => {
  const inPen = (pen: Pen) => (backend === 'cgroup' ? { root: pen.path } : { backend })
  const runInPen = (pen: Pen) => (backend === 'cgroup' ? ['--root', pen.path] : ['--backend', backend])

  test.beforeEach(({ skip }) => skip(lacks('lower-oom-score'), 'nobody may set that here'))

  test.for([
    ['-1000', '-999'],
    ['-500', '-500'],
    ['300', '300'],
  ] as const)('a command of corral run, at %s, is at %s', async ([score, expected], { pen }) => {
    expect(await runScored(score, ...run(runInPen(pen), 'cat', FILE))).toEqual({
      status: 0,
      stdout: `${expected}\n`,
    })
  })

  test('the leader of a session and a wrapped command are not such', async ({ pen }) => {
    const gateway = await Gateway.open(pen, inPen(pen), { by: scored('-1000') })
    expect(readFileSync(`/proc/${gateway.child.pid}/oom_score_adj`, 'utf8')).toBe('-1000\n')
    const { pid } = await gateway.spawn({ command: 'sleep', args: ['1000'] })
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('-999\n')
    const { command, args } = await gateway.wrap(['cat', FILE])
    expect(await runScored('-1000', command, ...args)).toEqual({ status: 0, stdout: '-999\n' })
    await gateway.leave()
  })
})

needing('memory')('a session of such a gateway is ended at its cap', async ({ pen, skip }) => {
  skip(lacks('lower-oom-score'), 'nobody may set that here')
  const hog = 'Buffer.alloc(300 << 20, 1); console.log("has it")'
  const caps = ['--root', pen.path, '--memory-max', '64M', '--swap-max', '0']
  const { status, stdout } = await runScored('-1000', ...run(caps, process.execPath, '-e', hog))
  expect({ status, stdout }).toEqual({ status: 'SIGKILL', stdout: '' })
})
