// `corral doctor` tells people and programs what this host can promise.
import { describe, expect } from 'vitest'
import type { Diagnosis, Finding } from '../../src/doctor/doctor.js'
import { test } from '../support/pen-test.js'
import { corral, refused } from './command-line.js'

describe('corral doctor', () => {
  test('tells host, root, kernel, and each finding with its verdict and its fix', async ({ pen }) => {
    const { status, stdout, stderr } = await corral(['doctor', '--root', pen.path])
    expect({ status, stderr }).toEqual({ status: /^FAIL /m.test(stdout) ? 1 : 0, stderr: '' })
    expect(stdout).toMatch(/^host {9}\S.*, Linux \S+ .*, \S+ memory, Node v\d+/m)
    expect(stdout).toMatch(/^backend {6}cgroup$/m)
    expect(stdout).toContain(`\nroot         ${pen.path}\n`)
    expect(stdout).toContain(`  taken      explicit ${pen.path}: `)
    expect(stdout).toMatch(/^kernel {7}(?:no )?CLONE_INTO_CGROUP, (?:no )?cgroup\.kill, /m)
    expect(stdout).toMatch(/^memory {7}can(?:not)? be capped/m)
    expect(stdout).toMatch(/^PASS {6}sessions can be held: \S/m)
    for (const guarantee of ['placed before born', 'gone means empty', 'memory can be capped'])
      expect(stdout).toMatch(new RegExp(`^(?:PASS|CAUTION|FAIL) +${guarantee}: \\S`, 'm'))
    const verdicts = [...stdout.matchAll(/^(?:CAUTION|FAIL) /gm)].length
    expect([...stdout.matchAll(/^ {10}fix: \S/gm)]).toHaveLength(verdicts)
    expect(await pen.groups()).toEqual([])
  })

  test('--json tells the same to programs', async ({ pen }) => {
    const { stdout } = await corral(['doctor', '--json', '--root', pen.path])
    const { host, backend, root, findings } = JSON.parse(stdout) as Diagnosis
    expect(host.node).toBe(process.version)
    expect({ backend, root }).toEqual({ backend: 'cgroup', root: pen.path })
    expect(findings.map(({ verdict }) => verdict)).toContain('PASS')
    expect(await pen.groups()).toEqual([])
  })

  test.for([
    ['without --strict', [], ['FAIL']],
    ['with --strict', ['--strict'], ['FAIL', 'CAUTION']],
  ] as const)('%s ends with 1 for any %j', async ([, options, bad], { pen }) => {
    const { status, stdout } = await corral(['doctor', '--json', '--root', pen.path, ...options])
    const { findings } = JSON.parse(stdout) as Diagnosis
    const isBad = ({ verdict }: Finding) => (bad as readonly string[]).includes(verdict)
    expect(status).toBe(findings.some(isBad) ? 1 : 0)
  })

  test('--require tells what is missing alone, and ends with 1 where anything is', async ({ pen }) => {
    const { stdout: all } = await corral(['doctor', '--json', '--root', pen.path])
    const { findings, canCapMemory } = JSON.parse(all) as Diagnosis
    const names = ['kill', 'cgroup', 'memory', 'pids', 'placed']
    const passed = (id: string) => findings.find((one) => one.id === id)?.verdict === 'PASS'
    const missing = names.filter((name) =>
      name === 'memory' ? !canCapMemory : !['kill', 'cgroup'].includes(name) && !passed(name),
    )
    const told = await corral(['doctor', '--require', names.join(','), '--root', pen.path])
    expect(told).toMatchObject({ status: missing.length > 0 ? 1 : 0, stderr: '' })
    expect([...told.stdout.matchAll(/^missing (\S+): \S/gm)].map(([, name]) => name)).toEqual(missing)
    expect(told.stdout.trim().split('\n').filter(Boolean)).toHaveLength(missing.length)
    // Control: without a root there is nothing of it
    const none = await corral(['doctor', '--require', 'kill,memory', '--root', '/nowhere', '--json'])
    expect(none.status).toBe(1)
    expect(JSON.parse(none.stdout).missing).toMatchObject([{ name: 'kill' }, { name: 'memory' }])
  })

  test('--require refuses a name that there is not, and says which there are', async () => {
    const { status, stderr } = await refused(['doctor', '--require', 'memory,cake'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^corral: Invalid --require: .* got 'cake'.*There are: kill, memory, /)
  })

  test('looks for a root of its own when none is given, and says what it passed over', async () => {
    const { stdout } = await corral(['doctor', '--json'])
    const { candidates, root } = JSON.parse(stdout) as Diagnosis
    const [own, mount] = candidates
    // It is asked for a scope where there is nothing else
    const asked = own?.usable || mount?.usable ? [] : ['systemd']
    expect(candidates.map(({ kind }) => kind)).toEqual(['own-cgroup', 'mount', ...asked])
    expect(root).toBe(candidates.find(({ usable }) => usable)?.path ?? null)
  })

  test('ends with 1 where no session can be held, with the reason and what to do', async () => {
    const { status, stdout, stderr } = await corral(['doctor', '--root', '/nowhere'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    expect(stdout).toMatch(/^backend {6}none$/m)
    expect(stdout).toMatch(/^FAIL +sessions can be held: .*\/nowhere: it does not exist$/m)
    expect(stdout).toMatch(/^ {10}fix: .*Delegate=yes/m)
  })

  test('--unit prints what a unit needs, and nothing of this host', async () => {
    const { status, stdout, stderr } = await corral(['doctor', '--unit', 'gateway', '--user'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^# systemctl --user edit gateway\.service\n\[Service\]\n# /)
    expect(stdout).toContain('\nDelegate=yes\n')
  })

  test('--unit --json tells programs the unit, the command and the text', async () => {
    const { stdout } = await corral(['doctor', '--unit', 'gateway', '--json'])
    expect(JSON.parse(stdout)).toEqual({
      unit: 'gateway.service',
      edit: 'systemctl edit gateway.service',
      text: expect.stringContaining('Delegate=yes'),
    })
  })

  test('refuses what is no service, and --user alone', async () => {
    for (const options of [['--unit', 'gateway.timer'], ['--unit', 'a b'], ['--user']]) {
      const { status, stdout, stderr } = await refused(['doctor', ...options])
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^corral: (?:Invalid )?--/)
    }
  })
})
