// What a session costs while it runs, beside the processes that are its own: memory, and no time.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { atRest, stays } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { test } from '../../support/pen-test.js'
import { guardOf, start, statusOf } from './warden.js'

const MEBIBYTE_KB = 1024
const IDLE_MS = 5000

/** Nanoseconds on a processor so far: the first field of /proc/PID/schedstat (sched-stats.rst). */
const processorTime = (pid: number) => readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]

test('a run keeps a mebibyte of memory at most, and so does its guard, and both only wait', async ({
  pen,
}) => {
  const child = start(['run', '--root', pen.path, '--', 'sh', '-c', 'echo ready; exec sleep 1000'])
  await line(child.stdout, /^ready$/)
  const [instance = ''] = (await readdir(join(pen.path, 'corral'))).filter((name) => name.startsWith('i'))
  const pids = [child.pid ?? 0, await guardOf(pen.path, instance)]
  for (const pid of pids) expect(Number.parseInt(statusOf(pid, 'VmRSS'), 10)).toBeLessThanOrEqual(MEBIBYTE_KB)

  const times = () => pids.map(processorTime)
  const before = await atRest(times)
  await stays(() => isDeepStrictEqual(times(), before), {
    forMs: IDLE_MS,
    why: 'whatever they do by the clock they have done',
    stretched: false,
  })

  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
})
