// Guard, keeper and holder run as the user that sessions run as, and what runs there can do nothing to them but send signals.
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { compiled } from '../../support/compile-payload.js'
import { eventually } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { describeAll, type Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { expectMembers, startGateway } from '../subreaper/gateway.js'
import { guardOf } from './warden.js'

const UID = 1234
// Root sees everything; the tests of an ordinary user are of that one anyway
const asOrdinary =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid', String(UID), '--regid', String(UID), '--clear-groups', '--']
    : []

const TRIES = ['ptrace', 'memory', 'mem', 'descriptor', 'exe', 'cwd', 'fd', 'environ']
const all = (outcome: RegExp) => new RegExp(`^${TRIES.map((name) => `${name}=${outcome.source}`).join(' ')}$`)

/** What an ordinary user's process of the same uid can do to these, and to a child of its own. */
async function pry(...pids: number[]): Promise<{ control: string | undefined; found: string[] }> {
  const program = await compiled(fileURLToPath(new URL('./payloads/pry.c', import.meta.url)))
  const [command = '', ...words] = [...asOrdinary, program, ...pids.map(String)]
  const { stdout } = await promisify(execFile)(command, words)
  const [control, ...found] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\d+ /, ''))
  return { control, found }
}

function delegate(pen: Pen): void {
  if (asOrdinary.length === 0) return
  chmodSync(dirname(pen.path), 0o711)
  for (const file of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
    chownSync(join(pen.path, file), UID, UID)
}

async function pidsNamed(pen: Pen, name: string): Promise<number[]> {
  const told = await describeAll(await pen.everybody())
  return told.filter((one) => one.includes(` ${name} `)).map((one) => Number.parseInt(one, 10))
}

describe('a process of the same ordinary user', () => {
  test('cannot trace or read the guard, nor take its descriptors', async ({ pen }) => {
    delegate(pen)
    const gateway = await startGateway(pen, { backend: 'cgroup', root: pen.path }, asOrdinary)
    const session = await gateway.spawn({ command: 'cat' })
    const { control, found } = await pry(await guardOf(pen.path, gateway.instance))
    expect(control).toMatch(all(/0/))
    expect(found).toEqual([expect.stringMatching(all(/E(?:PERM|ACCES)/))])
    expect((await gateway.close(session.key, { graceMs: 0 })).killed.count).toBe(1)
    gateway.child.kill('SIGKILL')
    await eventually('its guard ends and removes all', () => !existsSync(join(pen.path, 'corral')))
  })

  test('cannot trace or read keeper and holder, nor take their descriptors', async ({ pen }) => {
    const gateway = await startGateway(pen, {}, asOrdinary)
    const session = await gateway.spawn(
      { command: 'sh', args: ['-c', 'sleep 1000 & echo ready; cat'] },
      'ready',
    )
    const wardens = [...(await pidsNamed(pen, 'corral-keeper')), ...(await pidsNamed(pen, 'corral-holder'))]
    expect(wardens).toHaveLength(2)
    const { control, found } = await pry(...wardens)
    expect(control).toMatch(all(/0/))
    expect(found).toEqual(wardens.map(() => expect.stringMatching(all(/E(?:PERM|ACCES)/))))
    // What it has to know of them it still does
    await expectMembers(gateway, session.key, 3)
    expect((await gateway.close(session.key, { graceMs: 0 })).killed.count).toBe(3)
  })

  // A mount of its own, so that only this gateway sees /proc like that
  const hidden = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount -t proc -o hidepid=2 proc /proc && exec "$@"',
    'sh',
  ]

  test.skipIf(lacks('namespaces'))(
    'knows what its holder holds also where /proc hides that (hidepid)',
    async ({ pen }) => {
      const gateway = await startGateway(pen, {}, [...hidden, ...asOrdinary])
      const session = await gateway.spawn(
        { command: 'sh', args: ['-c', 'sleep 1000 & echo ready; cat'] },
        'ready',
      )
      await expectMembers(gateway, session.key, 3)
      expect((await gateway.close(session.key, { graceMs: 0 })).killed.count).toBe(3)
    },
  )

  test('is dumpable itself in a session, as anywhere', async ({ pen }) => {
    const gateway = await startGateway(pen, {}, asOrdinary)
    const program = await compiled(fileURLToPath(new URL('./payloads/pry.c', import.meta.url)))
    const script = `"$0" | grep -q 'exe=0 cwd=0 fd=0 environ=0' && test -O /proc/self/mem && echo ready; cat`
    await gateway.spawn({ command: 'sh', args: ['-c', script, program] }, 'ready')
  })
})
