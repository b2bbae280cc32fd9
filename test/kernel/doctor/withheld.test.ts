// What the doctor says of what the surroundings withhold: programs that others start, under a filter or a bound.
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import type { Diagnosis } from '../../../src/doctor/doctor.js'
import { CLI } from '../../cli/command-line.js'
import { compiled } from '../../support/compile-payload.js'
import { output } from '../../support/output.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const CLONE3 = '435' // on each architecture
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const quiet = { stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] }

/** What the doctor says, and what a session gets, for a program that others start. */
async function under(pen: Pen, command: string[]) {
  const run = async (...args: string[]) => {
    const [program = '', ...words] = [...command, process.execPath, ...args]
    return JSON.parse(await output(pen.spawn(program, words, quiet).stdout))
  }
  const { findings } = (await run(CLI, 'doctor', '--json', '--root', `${pen.path}`)) as Diagnosis
  return { findings, run }
}

describe('under a seccomp filter that answers clone3 with ENOSYS', () => {
  test('it says so, and sessions are held all the same', async ({ pen }) => {
    const { findings, run } = await under(pen, [
      await compiled(file('../../support/payloads/without-call.c')),
      CLONE3,
    ])
    expect(findings.find(({ id }) => id === 'placed')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringMatching(/^a seccomp filter refuses clone3/),
      fix: expect.stringMatching(/seccomp|SystemCallFilter/),
    })
    expect(await run(file('fixtures/spawn.mjs'), pen.path)).toMatchObject({ createdInPlace: false })
  })
})

describe('where there is no inotify watch left', () => {
  test('it says so', async ({ pen }) => {
    // A user namespace has a count of its own (proc_sys_user(5)), so nobody else misses any
    const script = 'echo 0 >/proc/sys/user/max_inotify_watches && exec "$@"'
    const { findings } = await under(pen, ['unshare', '--user', '--map-root-user', 'sh', '-c', script, 'sh'])
    expect(findings.find(({ id }) => id === 'watches')).toMatchObject({
      verdict: 'FAIL',
      why: expect.stringMatching(/^inotify refuses a watch: /),
      fix: expect.stringMatching(/^sysctl -w fs\.inotify\./),
    })
  })
})
