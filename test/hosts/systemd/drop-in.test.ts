// What `corral doctor --unit` prints, and the unit of docs/deployment.md, as systemd itself reads them.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

async function systemdVersion(): Promise<number> {
  const { stdout } = await run('systemctl', ['--version'])
  return Number(/^systemd (\d+)/.exec(stdout)?.[1])
}

/** What systemd does not take of a unit, whose files are these, by their endings. */
async function refused(
  files: Record<string, string>,
  managerFlags: readonly string[] = [],
): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-unit-'))
  try {
    const unit = join(directory, 'corral-verified.service')
    await mkdir(`${unit}.d`)
    for (const [ending, text] of Object.entries(files)) await writeFile(`${unit}${ending}`, text)
    const { stderr } = await run('systemd-analyze', [...managerFlags, 'verify', unit], {
      env: { ...process.env, XDG_RUNTIME_DIR: directory }, // the user's manager asks for one
    })
    return stderr.split('\n').filter((line) => line.includes('corral-verified'))
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Versions before 254 say that they do not know one line. */
const known = async () =>
  (await systemdVersion()) >= 254 ? [] : [expect.stringMatching(/Unknown key.*DelegateSubgroup.*ignoring/)]

test.for([
  ['the system', [], []],
  ['a user', ['--user'], ['--user']],
] as const)('it has nothing in it that the manager of %s does not take', async ([, flags, managerFlags]) => {
  const { stdout } = await run(process.execPath, [CLI, 'doctor', '--unit', 'corral-verified', ...flags])
  const files = { '': '[Service]\nExecStart=/bin/true\n', '.d/override.conf': stdout }
  expect(await refused(files, managerFlags)).toEqual(await known())
})

test('nor has the unit of docs/deployment.md, and that has all its lines', async () => {
  const page = await readFile(new URL('../../../docs/deployment.md', import.meta.url), 'utf8')
  const [, unit = ''] = /^```ini\n(\[Unit\].*?)^```/ms.exec(page) ?? []
  const here = unit.replace('/usr/bin/node', process.execPath)
  expect(await refused({ '': here })).toEqual(await known())
  expect(await refused({ '': here.replace('Restart=', 'Restart=no-') })).not.toEqual(await known()) // control
  const { stdout } = await run(process.execPath, [CLI, 'doctor', '--unit', 'gateway'])
  const settings = stdout.split('\n').filter((line) => /^\w+=/.test(line))
  expect(settings.length).toBeGreaterThan(0)
  expect(unit.split('\n')).toEqual(expect.arrayContaining(settings))
})

test('systemd has taken every line of it', async () => {
  const { stdout: text } = await run(process.execPath, [CLI, 'doctor', '--unit', 'corral-taken'])
  const unit = '/run/systemd/system/corral-taken.service'
  await writeFile(unit, '[Service]\nExecStart=/bin/sleep 1000\n')
  await mkdir(`${unit}.d`)
  try {
    await writeFile(`${unit}.d/override.conf`, text)
    await run('systemctl', ['daemon-reload'])
    const { stdout } = await run('systemctl', [
      'show',
      'corral-taken',
      '-pDelegate',
      '-pOOMPolicy',
      '-pKillMode',
      '-pDelegateSubgroup',
    ])
    const subgroup = (await systemdVersion()) >= 254 ? ['DelegateSubgroup=supervisor'] : []
    const taken = ['Delegate=yes', ...subgroup, 'KillMode=mixed', 'OOMPolicy=continue']
    expect(stdout.trim().split('\n').sort()).toEqual(taken.sort())
  } finally {
    await rm(`${unit}.d`, { recursive: true })
    await rm(unit)
    await run('systemctl', ['daemon-reload'])
  }
})
