// What the doctor says is wrong with a unit is what happens in it; and with the fix that it prints, done as it says, it is not.
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { readTold } from '../told.js'
import { type Doctor, GATEWAY, startGateway } from './gateway.js'
import { newMark } from './left.js'
import { type Place, SYSTEM, service, VISITOR } from './places.js'

const run = promisify(execFile)
const finding = ({ diagnosis }: Doctor, id: string) => diagnosis.findings.find((one) => one.id === id)

/** What the doctor says in that place, of a gateway that is then left to itself until `seen` has resolved. */
async function askIn(place: Place, seen: () => Promise<void> = async () => undefined): Promise<Doctor> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-fix-'))
  try {
    await chmod(directory, 0o777)
    await place.start([process.execPath, GATEWAY, join(directory, 'facts'), newMark(), 'doctor'])
    const told = () => readTold<Doctor>(join(directory, 'facts.doctor'))
    const doctor = await eventually('the doctor has spoken', told)
    await seen()
    return doctor
  } finally {
    await place.leave()
    await rm(directory, { recursive: true })
  }
}

/** Does what a fix says: `systemctl edit UNIT: section [Service], LINE; then …restart…`. */
async function apply(fix: string | undefined): Promise<void> {
  const [, unit, line] =
    /^systemctl edit (\S+): section \[Service\], (\S+); then (?:systemctl )?restart \1$/.exec(fix ?? '') ?? []
  if (!unit || !line) throw new Error(`that is no edit of a unit of the system: ${fix}`)
  const directory = join(SYSTEM.directory, `${unit}.d`)
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'fix.conf'), `[Service]\n${line}\n`)
}

test('a delegated unit with OOMPolicy=stop is ended for one session, and not with the fix', async () => {
  const settings = [`User=${VISITOR.name}`, 'Delegate=yes', 'OOMPolicy=stop']
  const place = service('a unit that says so itself', SYSTEM, { settings })
  const ended = async () => {
    const result = async () =>
      (await run('systemctl', ['show', '-pResult', '--value', 'corral-row.service'])).stdout.trim()
    await eventually('systemd has ended it', async () => (await result()) === 'oom-kill', {
      everyMs: 50,
      instead: result,
    })
  }
  const before = finding(await askIn(place, ended), 'oom')
  expect(before).toMatchObject({ verdict: 'FAIL', why: expect.stringContaining('OOMPolicy=stop') })
  await apply(before?.fix)
  await using gateway = await startGateway(place, { doctor: true })
  expect(finding(await gateway.doctor(), 'oom')).toMatchObject({ verdict: 'PASS' })
  expect(gateway.facts.hog).toMatchObject({ reason: 'memory-limit', limit: { enforcedBy: 'cgroup' } })
  await place.reload() // rejects unless it is active
})

test('a unit that was delegated nothing holds sessions by its own cgroup with the fix', async () => {
  const place = service('a unit as it comes', SYSTEM, { settings: [`User=${VISITOR.name}`] })
  const before = await askIn(place)
  expect(before.diagnosis.backend).toBe('subreaper')
  expect(finding(before, 'held')).toMatchObject({ verdict: 'CAUTION' })
  await apply(finding(before, 'held')?.fix)
  await using gateway = await startGateway(place, { doctor: true })
  const after = await gateway.doctor()
  expect(after.diagnosis.root).toBe(gateway.facts.root)
  for (const id of ['held', 'memory', 'pids', 'cpu', 'oom'])
    expect(finding(after, id), id).toMatchObject({ verdict: 'PASS' })
})
