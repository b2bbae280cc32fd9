// The command line itself: its help, and what it does not know.
import { describe, expect, test } from 'vitest'
import { corral } from './command-line.js'

const COMMANDS = ['run', 'set', 'ls', 'kill', 'sweep', 'metrics', 'orphans', 'doctor']

describe('corral', () => {
  test('--help names all commands', async () => {
    const { status, stdout } = await corral(['--help'])
    expect(status).toBe(0)
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  test.each(COMMANDS)('%s --help tells its options', async (command) => {
    const { status, stdout } = await corral([command, '--help'])
    expect(status).toBe(0)
    expect(stdout).toContain(`Usage: corral ${command} `)
    expect(stdout).toContain('--root <directory>')
  })

  test('without a command says which there are and ends with 2', async () => {
    const { status, stdout, stderr } = await corral([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const command of COMMANDS) expect(stderr).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  test.each([
    ['a command', ['bogus'], /^error: unknown command 'bogus'/],
    ['an option', ['--bogus'], /^error: unknown option '--bogus'/],
    ['an option of ls', ['ls', '--bogus'], /^error: unknown option '--bogus'/],
    ['an argument of ls', ['ls', 'bogus'], /^error: too many arguments/],
    ['an argument of sweep', ['sweep', 'bogus'], /^error: too many arguments/],
  ] as const)('ends with 2 for %s that it does not know', async (_, args, message) => {
    const { status, stdout, stderr } = await corral(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})
