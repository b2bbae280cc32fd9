// The command line itself: its help, and what it does not know.
import { execFile, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CLI, corral, refused } from './command-line.js'

const COMMANDS = ['run', 'set', 'ls', 'top', 'kill', 'sweep', 'metrics', 'orphans', 'doctor']

describe('corral', () => {
  test('--help names all commands', async () => {
    const { status, stdout } = await corral(['--help'])
    expect(status).toBe(0)
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  test.each(COMMANDS)('%s --help tells its options', async (command) => {
    const { status, stdout } = await refused([command, '--help'])
    expect(status).toBe(0)
    expect(stdout).toContain(`Usage: corral ${command} `)
    expect(stdout).toContain('--root <directory>')
  })

  test('without a command says which there are and ends with 2', async () => {
    const { status, stdout, stderr } = await corral([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const command of COMMANDS) expect(stderr).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  test('says what it cannot write, and ends with 1', () => {
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    const { status, stderr } = spawnSync(process.execPath, [CLI, 'version'], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^corral: cannot write to standard output: ENOSPC[^\n]*\n$/),
    })
  })

  test.each([
    ['a command', ['bogus'], /^error: unknown command 'bogus'/],
    ['an option', ['--bogus'], /^error: unknown option '--bogus'/],
    ['an option of ls', ['ls', '--bogus'], /^error: unknown option '--bogus'/],
    ['an argument of ls', ['ls', 'bogus'], /^error: too many arguments/],
    ['an argument of sweep', ['sweep', 'bogus'], /^error: too many arguments/],
  ] as const)('ends with 2 for %s that it does not know', async (_, args, message) => {
    const { status, stdout, stderr } = await refused(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  test('says nothing where nobody reads what it prints, and ends as it would have', async () => {
    const script = '{ "$0" "$1" doctor --json; echo "status $?" >&2; } | true'
    const { stderr } = await promisify(execFile)('sh', ['-c', script, process.execPath, CLI])
    expect(stderr).toMatch(/^status [01]\n$/)
  })
})
