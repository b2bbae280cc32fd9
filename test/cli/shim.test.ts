// corral shim: a program by the name of an agent, which runs the real one contained.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { SLOWNESS } from '../support/eventually.js'
import { test as penned } from '../support/pen-test.js'
import { corral, refused } from './command-line.js'

interface Place {
  shims: string
  bin: string
  /** Directories to look through before the machine's. */
  path(...directories: string[]): string
}

const test = penned.extend<{ place: Place }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from here which fixtures a fixture wants
  place: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'corral-shim-'))
    const [shims, bin] = [join(home, 'shims'), join(home, 'bin')]
    mkdirSync(bin)
    await use({ shims, bin, path: (...directories) => [...directories, '/usr/bin:/bin'].join(':') })
    rmSync(home, { recursive: true })
  },
})

function program(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

function run(file: string, args: string[], path: string) {
  return spawnSync(file, args, { encoding: 'utf8', env: { PATH: path }, timeout: 60_000 * SLOWNESS })
}

test('a shim runs the real program contained, with its words and its exit status', async ({ pen, place }) => {
  const { shims, bin, path } = place
  program(
    join(bin, 'gemini'),
    'setsid sleep 1000 >/dev/null 2>&1 </dev/null & cat /proc/self/cgroup; printf "%s," "$@"; exit 5',
  )
  const flags = ['--dir', shims, '--root', pen.path, '--session-from-env', 'KEY']
  const made = await corral(['shim', 'gemini', ...flags], { env: { PATH: path(bin) } })
  expect(made.stdout).toContain(`${join(shims, 'gemini')} -> ${join(bin, 'gemini')}`)

  const { status, stdout, stderr } = run(join(shims, 'gemini'), ['--acp', "a 'b", ''], path(shims, bin))
  expect({ status, stderr }).toEqual({ status: 5, stderr: '' })
  expect(stdout).toMatch(/^0::\/.*\/sessions\/[^/]+\/agent\/in$/m)
  expect(stdout).toMatch(/\n--acp,a 'b,,$/)
  expect(await pen.members()).toEqual([])
  expect(await pen.groups()).toEqual([])
})

test('a shim has what holds it, where that was asked for', async ({ place: { shims, bin, path } }) => {
  program(join(bin, 'gemini'), 'cat /proc/self/cgroup; cat /proc/$PPID/comm')
  await corral(['shim', 'gemini', '--dir', shims, '--backend', 'subreaper'])
  const { status, stdout } = run(join(shims, 'gemini'), [], path(shims, bin))
  expect(status).toBe(0)
  expect(stdout).not.toContain('/sessions/')
  expect(stdout).toMatch(/\ncorral-holder\n$/)
})

test.for([
  ['--backend', 'docker'],
  ['--backend', 'subreaper', '--root', '/sys/fs/cgroup'],
])('a shim that could not run is not made: %s', async (flags, { place: { shims } }) => {
  const { status, stderr } = await refused(['shim', 'gemini', '--dir', shims, ...flags])
  expect({ status, written: existsSync(shims) }).toEqual({ status: 2, written: false })
  expect(stderr).toContain('--backend')
})

test('a shim passes over other shims and links to them, and ends with 127 where there is nothing else', async ({
  pen,
  place,
}) => {
  const { shims, bin, path } = place
  for (const dir of [shims, `${shims}-2`]) await corral(['shim', 'gemini', '--dir', dir, '--root', pen.path])
  symlinkSync(join(shims, 'gemini'), join(bin, 'gemini'))
  const { status, stderr } = run(join(shims, 'gemini'), [], path(bin, shims, `${shims}-2`))
  expect({ status, stderr }).toEqual({
    status: 127,
    stderr: "corral: 'gemini' cannot be started: no program of that name on PATH that is not a shim\n",
  })
  expect(await pen.groups()).toEqual([])
})

test('shims are listed and removed', async ({ place: { shims, bin } }) => {
  program(join(bin, 'gemini'), 'exit 0')
  const env = { PATH: `${bin}:/usr/bin:/bin` }
  await corral(['shim', 'gemini', 'qodercli', '--dir', shims], { env })
  const { stdout } = await corral(['shim', '--dir', shims, '--json'], { env })
  expect(JSON.parse(stdout)).toEqual([
    { name: 'gemini', path: join(shims, 'gemini'), real: join(bin, 'gemini') },
    { name: 'qodercli', path: join(shims, 'qodercli'), real: null },
  ])
  expect(await corral(['shim', '--dir', shims, '--remove', 'gemini', 'qodercli'])).toMatchObject({
    status: 0,
  })
  expect(await corral(['shim', '--dir', shims, '--remove', 'gemini'])).toMatchObject({ status: 1 })
  expect(readdirSync(shims)).toEqual([])
})

test('what is no shim is neither replaced nor removed', async ({ place: { bin } }) => {
  program(join(bin, 'gemini'), 'exit 0')
  for (const args of [[], ['--remove']]) {
    const { status, stderr } = await refused(['shim', 'gemini', '--dir', bin, ...args])
    expect(status).toBe(2)
    expect(stderr).toContain(`${join(bin, 'gemini')} is not a shim of corral`)
  }
  expect(readFileSync(join(bin, 'gemini'), 'utf8')).toBe('#!/bin/sh\nexit 0\n')
})

test.for(['a/b', '..', 'a b', 'corral', ''])(
  'a shim cannot be called %j',
  async (name, { place: { shims } }) => {
    const { status } = await refused(['shim', '--dir', shims, '--', name])
    expect(status).toBe(2)
    expect(() => readdirSync(shims)).toThrow('ENOENT')
  },
)
