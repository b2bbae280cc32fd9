// The manual page has what the command line has, and no more.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { corral } from './command-line.js'
import { needingProgram } from './terminal-shell.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8'))
const page = `${checkout}/man/corral.1`
const source = readFileSync(page, 'utf8')

const sorted = (words: Iterable<string>) => [...words].sort()

/** A part of the page, by its macro and title, without the title. */
function part(macro: 'Sh' | 'Ss', title: string): string {
  const text = source.split(`\n.${macro} ${title}\n`)[1] ?? ''
  return text.split(macro === 'Ss' ? /^\.S[hs] /m : /^\.Sh /m)[0] ?? ''
}

/** What stands in a section of the help of a command, each entry without its description. */
async function helped(section: string, command: string[] = []): Promise<string[]> {
  const { stdout } = await corral([...command, '--help'])
  const [, text = ''] = stdout.split(`${section}:\n`)
  return [...text.matchAll(/^ {2}(\S.*?)(?: {2,}.*)?$/gm)].map(([, entry = '']) => entry)
}

const commands = [...part('Sh', 'DESCRIPTION').matchAll(/^\.Ss (\w+)$/gm)].map(([, name = '']) => name)

test('is installed with the package', () => {
  expect(manifest.man).toEqual(['man/corral.1'])
  expect(manifest.files).toContain('man')
})

needingProgram('mandoc')('mandoc finds nothing wrong with it', async () => {
  // What it finds is on stdout; on stderr it may miss its own index of all pages
  const linted = promisify(execFile)('mandoc', ['-T', 'lint', '-W', 'style', page])
  expect((await linted.catch((refusal: { stdout: string }) => refusal)).stdout).toBe('')
})

test('has all commands, in its synopsis too', async () => {
  const there = (await helped('Commands')).map((entry) => entry.split(' ')[0] ?? '')
  expect(sorted([...commands, 'help'])).toEqual(sorted(there))
  const synopsis = [...part('Sh', 'SYNOPSIS').matchAll(/^\.Cm (\w+)$/gm)].map(([, name]) => name)
  expect(synopsis).toEqual(commands)
})

describe('has the options, with their values, of', () => {
  test.for(commands)('%s', async (command) => {
    const items = part('Ss', command).matchAll(/^\.It (?:Fl (\w) , )?Fl Fl (\S+)(?: Ar (\S+))?$/gm)
    const told = [...items].map(
      ([, letter, name, value]) => `${letter ? `-${letter}, ` : ''}--${name}${value ? ` <${value}>` : ''}`,
    )
    const helps = (await helped('Options', [command])).filter((entry) => entry !== '-h, --help')
    const there = helps.map((entry) => entry.replace(/\[(.*)\]$/, '<$1>'))
    expect(told.length).toBeGreaterThan(0)
    expect(sorted(told)).toEqual(sorted(there))
  })
})

test('has the defaults that are not those of run', async () => {
  for (const command of ['run', 'kill', 'orphans']) {
    const { stdout } = await corral([command, '--help'])
    const given = /--grace <ms>[\s\S]*?\(default:\s+(\d+)\)/.exec(stdout)?.[1]
    const [, told] = /Fl Fl grace Ar ms\n[\s\S]*?default is (\d+)\./.exec(part('Ss', command)) ?? []
    expect([command, told]).toEqual([command, given])
  }
})

test('has the environment and the exit statuses of the command line', async () => {
  const { stdout } = await corral(['run', '--help'])
  const variables = [...stdout.matchAll(/\(env:\s+(\w+)\)/g)].map(([, name = '']) => name)
  expect([...part('Sh', 'ENVIRONMENT').matchAll(/^\.It Ev (\w+)$/gm)].map(([, name]) => name)).toEqual(
    variables,
  )
  expect([...part('Sh', 'EXIT STATUS').matchAll(/^\.It (\d+)$/gm)].map(([, status]) => status)).toEqual([
    '0',
    '1',
    '2',
  ])
})
