// The ways to run a gateway in a container of podman's, and what Corral and its doctor do there.
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Diagnosis } from '../../../src/doctor/doctor.js'
import type { BackendName } from '../../../src/index.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'
import { expectBehaviour } from '../behaved.js'
import { note } from '../table-row.js'
import { behave, marked, type Owner, startContainer } from './podman.js'

const MIB = 2 ** 20
const PRIVATE = '--cgroupns=private'
const UNMASKED = [PRIVATE, '--security-opt', 'unmask=/sys/fs/cgroup']

interface Row {
  owner: Owner
  options: readonly string[]
}

const WRITABLE: Row[] = [
  { owner: 'root', options: UNMASKED },
  { owner: 'root', options: [PRIVATE, '--systemd=always'] },
  { owner: 'user', options: UNMASKED },
  { owner: 'user', options: [PRIVATE, '--systemd=always'] },
]
const CLOSED: (Row & { fix: RegExp })[] = [
  {
    owner: 'root',
    options: [PRIVATE],
    fix: /^podman run --cgroupns=private --security-opt unmask=\/sys\/fs\/cgroup /,
  },
  { owner: 'root', options: ['--cgroupns=host'], fix: /^podman run --cgroupns=private / },
  { owner: 'user', options: [PRIVATE], fix: /^podman run --cgroupns=private / },
  {
    owner: 'root',
    options: [...UNMASKED, '--user=1000'],
    fix: /^Start the gateway as root, or give it a directory/,
  },
]

const named = <Kind extends Row>(rows: Kind[]) =>
  rows.map((row): [name: string, row: Kind] => [
    [row.owner === 'root' ? 'podman' : 'rootless podman', ...row.options].join(' '),
    row,
  ])

async function corralGroups(directory = '/sys/fs/cgroup'): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))
  const found = (await Promise.all(below.map(corralGroups))).flat()
  return basename(directory) === 'corral' ? [directory, ...found] : found
}

/** Of the gateway's sessions and of what it made, in the container as in all of the guest. */
async function nothingIsLeft(mark: string): Promise<void> {
  const left = async () => ({ groups: await corralGroups(), processes: await marked(mark) })
  const isNothing = async () => {
    const { groups, processes } = await left()
    // The container's first process has the gateway's command line, with the mark, in its own
    return groups.length === 0 && processes.every(({ words }) => words[0] === 'sh' && words[1] === '-c')
  }
  await eventually('nothing is left', isNothing, { everyMs: 50, instead: left })
}

function verdicts({ findings }: Diagnosis): Record<string, string> {
  return Object.fromEntries(findings.map(({ id, verdict }) => [id, verdict]))
}

/** The tests of what a session does and of what the doctor claims, inside, on whatever openCorral() finds there. */
function testBehaviour(name: string, row: Row, backend: BackendName): void {
  const tests = process.env['CORRAL_TEST_ALL'] === '1' ? 'all' : 'claims'
  const what = tests === 'all' ? 'sessions behave as anywhere, and' : ''
  test(`${what} what the doctor claims is what happens`.trim(), {
    timeout: 400_000 * SLOWNESS,
  }, async (context) => {
    await expectBehaviour(name, { backend, tests }, (variables, told) => behave(row, variables, told))
    note(context, name, { behaviour: tests === 'all' ? 'all pass' : 'those of the claims pass' })
  })
}

/** However the gateway ends, and whatever holds its sessions. */
function testEndings(name: string, { owner, options }: Row): void {
  test('the gateway is killed: nothing is left in the container, which goes on', async (context) => {
    await using container = await startContainer(owner, options)
    await container.signal('SIGKILL')
    await nothingIsLeft(container.mark)
    expect(await marked(container.mark)).toHaveLength(1)
    note(context, name, { killed: 'nothing left' })
  })

  test('the gateway closes: nothing is left', async (context) => {
    await using container = await startContainer(owner, options)
    await container.signal('SIGTERM')
    await nothingIsLeft(container.mark)
    note(context, name, { closed: 'nothing left' })
  })
}

// In two guests side by side, for a guest has one CPU
const ROWS = process.env['CORRAL_TEST_ROWS']
describe.for(ROWS === 'closed' ? [] : named(WRITABLE))('%s', ([name, row]) => {
  const { owner, options } = row
  test('gives a root: what the doctor says is so, and a hog dies whole at its cap', async (context) => {
    await using container = await startContainer(owner, options)
    const { facts, mark } = container
    expect(facts.error).toBeUndefined()
    expect(verdicts(facts.diagnosis)).toMatchObject({
      held: 'PASS',
      placed: facts.createdInPlace ? 'PASS' : 'CAUTION',
      empty: 'PASS',
      guard: 'PASS',
      memory: 'PASS',
      pids: 'PASS',
      cpu: 'PASS',
      oom: 'PASS',
      watches: 'PASS',
    })
    expect(facts.diagnosis.host).toMatchObject({ container: 'podman', layout: 'unified' })
    expect(facts.diagnosis.candidates[0]).toMatchObject({
      kind: 'own-cgroup',
      usable: true,
      path: facts.root,
    })
    expect(facts.root).toBe('/sys/fs/cgroup')
    expect(facts.hog).toMatchObject({
      limit: { name: 'memoryMax', requested: 64 * MIB, applied: 64 * MIB, enforcedBy: 'cgroup' },
      reason: 'memory-limit',
      of: 'session',
      usage: { oomGroupKills: 1 },
    })
    // The container's first process, the gateway, and the two of the session that goes on: the hog's daemon went with it
    await eventually('these four are there', async () => (await marked(mark)).length === 4, {
      instead: () => marked(mark),
    })
    note(
      context,
      name,
      { root: 'own-cgroup', cap: facts.hog.limit.enforcedBy, hog: facts.hog.reason },
      facts.doctor,
    )
  })

  testEndings(name, row)
  testBehaviour(name, row, 'cgroup')
})

describe.for(ROWS === 'writable' ? [] : named(CLOSED))('%s', ([name, row]) => {
  const { owner, options, fix } = row
  test('gives no root: a subreaper holds sessions, the doctor says so, and with what to run it', async (context) => {
    await using container = await startContainer(owner, options)
    const { diagnosis, error, root, backend, hog } = container.facts
    expect(error).toBeUndefined()
    expect(diagnosis).toMatchObject({ backend: 'subreaper', root: null, canCapMemory: false })
    expect(diagnosis.findings[0]).toMatchObject({
      id: 'held',
      verdict: 'CAUTION',
      fix: expect.stringMatching(fix),
    })
    expect(verdicts(diagnosis)).toMatchObject({ guard: 'PASS', memory: 'CAUTION', pids: 'FAIL', cpu: 'FAIL' })
    expect({ root, backend }).toEqual({ root: undefined, backend: 'subreaper' })
    expect(hog).toMatchObject({ limit: { enforcedBy: 'watchdog' }, reason: 'memory-limit', of: 'session' })
    note(context, name, { root: 'none', cap: hog.limit.enforcedBy, hog: hog.reason }, container.facts.doctor)
  })

  testEndings(name, row)
  testBehaviour(name, row, 'subreaper')
})
