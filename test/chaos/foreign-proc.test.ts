// A /proc of another pid namespace numbers all processes differently: the pid that it gives for the holder of a lock is here that of
// another process, or of none. No living gateway's sessions are ended because of that.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect } from 'vitest'
import { CLI } from '../cli/command-line.js'
import { Gateway } from '../support/gateway.js'
import { lacks } from '../support/lacks.js'
import { output } from '../support/output.js'
import { test } from '../support/pen-test.js'

const FOREIGN = ['unshare', '--pid', '--fork', '--kill-child']
const OWN = [...FOREIGN, '--mount-proc']

/** Runs `corral` in a pid namespace of its own. */
async function corralIn([unshare = '', ...options]: readonly string[], args: readonly string[]) {
  const child = spawn(unshare, [...options, process.execPath, CLI, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [stderr, [status]] = await Promise.all([output(child.stderr), once(child, 'close')])
  return { status, stderr }
}

const LACKS = (['root', 'namespaces', 'cgroup'] as const).some(lacks)

describe.skipIf(LACKS)('with the /proc of another pid namespace', () => {
  test('a gateway takes those that live to live', async ({ pen }) => {
    const living = await Gateway.open(undefined, { root: pen.path })
    const other = await Gateway.open(undefined, { root: pen.path }, { by: OWN })
    // What it had mounted lay over what the machine has
    const spaces = `/proc/${other.child.pid}/ns`
    const inside = [`--mount=${spaces}/mnt`, `--pid=${spaces}/pid_for_children`]
    expect(spawnSync('nsenter', [...inside, 'umount', '--lazy', '/proc']).status).toBe(0)
    const { collected, live } = await other.sweep({ dryRun: true })
    expect(collected).toEqual([])
    expect(live).toEqual(expect.arrayContaining([living.instance, other.instance]))
    await living.killWithGuard(pen.path)
    await other.kill()
  })

  for (const backend of ['cgroup', 'subreaper'] as const)
    test(`nothing is opened or run (${backend})`, async ({ pen }) => {
      const where = backend === 'cgroup' ? { root: pen.path } : { backend }
      const options = backend === 'cgroup' ? ['--root', pen.path] : ['--backend', backend]
      const living = await Gateway.open(undefined, where)
      const [session] = await living.sleepers(1)
      const refusal = /\/proc, .*another pid namespace/
      await expect(Gateway.open(undefined, where, { by: FOREIGN })).rejects.toThrow(refusal)
      for (const args of [
        ['run', ...options, '--', 'true'],
        ['sweep', ...options],
      ]) {
        const { status, stderr } = await corralIn(FOREIGN, args)
        expect(stderr).toMatch(refusal)
        expect(status).toBe(1)
      }
      expect((await corralIn(OWN, ['run', ...options, '--', 'true'])).status).toBe(0)
      expect((await living.close(session?.key ?? '', { graceMs: 0 })).killed.count).toBe(1)
      await living.leave()
    })
})
