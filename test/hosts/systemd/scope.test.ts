// The scope that systemd gives to all of a user's gateways: who is moved to it and who is not, what they find in it, and
// when it is gone.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Diagnosis } from '../../../src/doctor/doctor.js'
import { members } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import { killAll } from '../../support/pen.js'
import { type Gateway, startGateway } from './gateway.js'
import { nothingIsLeft, sleepers } from './left.js'
import { SYSTEM, service, TESTER, VISITOR } from './places.js'

const run = promisify(execFile)
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.mjs`, import.meta.url))
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

/** tester lingers, so a user manager is there; this service itself is the system's, and gives its process nothing. */
async function asTester(command: string[], settings: string[] = [], user = TESTER): Promise<string> {
  const options = ['--quiet', '--wait', '--pipe', '--collect', '-p', `User=${user.name}`]
  const words = [...options, '-p', `WorkingDirectory=${process.cwd()}`, ...settings, '--', ...command]
  const { stdout } = await run('systemd-run', words).catch((error) => error as { stdout: string })
  return stdout
}

interface Opened {
  before: string
  own: string
  root?: string
  code?: string
  message?: string
  swept?: { collected: { sessions: number; processes: number }[] }
}

/** With the backend that has to have a root. */
async function openAsTester(options: object, settings?: string[]): Promise<Opened> {
  const command = [process.execPath, fixture('open'), JSON.stringify({ backend: 'cgroup', ...options })]
  return JSON.parse(await asTester(command, settings)) as Opened
}

const place = service('a system service of tester', SYSTEM, { settings: [`User=${TESTER.name}`] })

test('who says systemd: false is not moved, and told why there is no root', async () => {
  const { before, own, code, message } = await openAsTester({ systemd: false })
  expect(own).toBe(before)
  expect({ code, message }).toEqual({
    code: 'CORRAL_NO_ROOT',
    message: expect.stringContaining('systemd: it was not asked for a scope'),
  })
})

test('whose user has no manager is told that there is no root, why, and what to do', async () => {
  const command = [process.execPath, fixture('open'), JSON.stringify({ backend: 'cgroup' })]
  const { message } = JSON.parse(await asTester(command, [], VISITOR)) as Opened
  expect(message).toMatch(/own-cgroup \/sys\/fs\/cgroup\/system\.slice\/run-.*\.service: it is not writable/)
  expect(message).toContain(`systemd: uid ${VISITOR.uid} has no user manager`)
  expect(message).toMatch(/Delegate=yes.*corral doctor/)
})

test('who could not write in a scope is not moved to one', async () => {
  const { before, own, message } = await openAsTester({}, ['-p', 'ProtectControlGroups=yes'])
  expect(own).toBe(before)
  expect(message).toContain(
    'systemd: it was not asked for a scope, because no cgroup2 file system is mounted',
  )
})

test('root is given one by the system manager', async () => {
  const module = fileURLToPath(new URL('../../../build/js/backend/cgroup/systemd.js', import.meta.url))
  const script = [
    `const { enterScope } = await import('${module}')`,
    'const answer = await enterScope()',
    "const { readFileSync } = await import('node:fs')",
    "console.log(JSON.stringify({ ...answer, own: readFileSync('/proc/self/cgroup', 'utf8').trim() }))",
  ].join(';')
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
  expect(JSON.parse(stdout)).toEqual({ given: 'system manager', own: '0::/system.slice/corral.scope' })
  await nothingIsLeft('nobody')
})

test('who has a root of its own is not moved', async () => {
  const { before, own, root } = await openAsTester({}, ['-p', 'Delegate=yes'])
  expect(root).toBe(`/sys/fs/cgroup${before}`)
  expect(own).toBe(`${before}/supervisor`)
})

test('who comes second joins, and stays when the first goes', async () => {
  await using first = await startGateway(place)
  const { root, own, message } = await openAsTester({ sweep: false })
  expect({ root, own, message }).toEqual({ root: first.facts.root, own: first.facts.own, message: undefined })
  expect(await sleepers(first.mark)).not.toEqual([])
})

test('many at once come into one scope', async () => {
  const opened = await Promise.all(Array.from({ length: 6 }, () => openAsTester({})))
  for (const { root, message } of opened)
    expect({ root, message }).toEqual({ root: expect.stringMatching(/\/corral\.scope$/), message: undefined })
  await nothingIsLeft('nobody')
})

/** All at once, or the guard would collect after the gateway, or the gateway replace its guard. */
async function killWithGuard({ facts }: Gateway): Promise<void> {
  const instance = basename(facts.session.replace(/\/sessions\/.*$/, ''))
  const warden = join(facts.root ?? '', 'corral', instance, 'warden')
  process.kill(facts.pid, 'SIGSTOP')
  const isStopped = async () => /^State:\tT/m.test(await readFile(`/proc/${facts.pid}/status`, 'utf8'))
  await eventually('the gateway is stopped', isStopped)
  await killAll(warden)
  process.kill(facts.pid, 'SIGKILL')
}

test('the next to open collects what a gateway left that was killed together with its guard', async () => {
  await using gateway = await startGateway(place)
  await killWithGuard(gateway)
  await eventually('the gateway is gone', async () => !(await isAlive(gateway.facts.pid)))
  expect(await sleepers(gateway.mark)).toHaveLength(2) // the scope stays, because they do
  const { root, swept } = await openAsTester({ sweep: false })
  expect(root).toBe(gateway.facts.root)
  expect(swept?.collected).toMatchObject([{ sessions: 1, processes: 2 }])
  await nothingIsLeft(gateway.mark)
})

async function isAlive(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/stat`, 'utf8').then(
    () => true,
    () => false,
  )
}

test('corral doctor asks in a process of its own, and leaves no scope', async () => {
  const script = `cat /proc/self/cgroup >&2; ${process.execPath} ${CLI} doctor --json`
  const diagnosis = JSON.parse(await asTester(['sh', '-c', script])) as Diagnosis
  expect(diagnosis.candidates.map(({ kind, usable }) => ({ kind, usable }))).toEqual([
    { kind: 'own-cgroup', usable: false },
    { kind: 'mount', usable: false },
    { kind: 'systemd', usable: true },
  ])
  expect(diagnosis).toMatchObject({ backend: 'cgroup', canCapMemory: true })
  expect(diagnosis.root).toMatch(/\/corral\.scope$/)
  await nothingIsLeft('nobody')
})

test('systemd knows the scope for what it is', async () => {
  await using gateway = await startGateway(place)
  const names = ['Delegate', 'Description', 'CollectMode', 'ActiveState', 'OOMPolicy']
  const words = [
    '--user',
    '-M',
    `${TESTER.name}@`,
    'show',
    'corral.scope',
    ...names.map((name) => `-p${name}`),
  ]
  const { stdout } = await run('systemctl', words)
  expect(stdout.trim().split('\n').sort()).toEqual([
    'ActiveState=active',
    'CollectMode=inactive-or-failed',
    'Delegate=yes',
    'Description=Agent sessions, contained by Corral',
    'OOMPolicy=continue',
  ])
  expect(await members(gateway.facts.root ?? '')).toContain(gateway.facts.pid)
})
