// What `corral doctor --unit` prints, as systemd itself reads it.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
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

test.for([
  ['the system', [], []],
  ['a user', ['--user'], ['--user']],
] as const)('it has nothing in it that the manager of %s does not take', async ([, flags, managerFlags]) => {
  const directory = await mkdtemp(join(tmpdir(), 'corral-unit-'))
  try {
    const unit = join(directory, 'corral-verified.service')
    const { stdout } = await run(process.execPath, [CLI, 'doctor', '--unit', 'corral-verified', ...flags])
    await writeFile(unit, '[Service]\nExecStart=/bin/true\n')
    await mkdir(`${unit}.d`)
    await writeFile(`${unit}.d/override.conf`, stdout)
    const { stderr } = await run('systemd-analyze', [...managerFlags, 'verify', unit], {
      env: { ...process.env, XDG_RUNTIME_DIR: directory }, // the user's manager asks for one
    })
    const ours = stderr.split('\n').filter((line) => line.includes('corral-verified'))
    if ((await systemdVersion()) >= 254) expect(ours).toEqual([])
    else expect(ours).toEqual([expect.stringMatching(/Unknown key.*DelegateSubgroup.*ignoring/)])
  } finally {
    await rm(directory, { recursive: true })
  }
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
