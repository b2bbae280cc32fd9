// docs/defaults.md says what the code does where no option is given.
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { hostMemory } from '../../src/backend/limits.js'
import { parseOpenOptions, parseSpawnOptions } from '../../src/session/options.js'
import { corral } from '../cli/command-line.js'

const page = readFileSync(new URL('../../docs/defaults.md', import.meta.url), 'utf8')

/** What a table of the page has in its last column, by what stands in the first two. */
function tableOf(heading: string): Map<string, string> {
  const text = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = [...text.matchAll(/^\| (.+?) \| (.+?) \| (.+?) \|$/gm)].slice(1)
  return new Map(rows.map(([, option = '', of = '', value = '']) => [`${option} ${of}`, value]))
}

test('the table of the library has the defaults that options are parsed to', () => {
  const open = parseOpenOptions(undefined, hostMemory)
  const spawn = parseSpawnOptions({ command: 'true' }, open, 'key')
  const told = new Map(
    [...tableOf('Of the library')].map(([name, value]) => [name.match(/`(\w+)`/)?.[1], value]),
  )
  const { graceMs, drainMs, killTimeoutMs, startTimeoutMs } = open
  for (const [name, value] of Object.entries({ graceMs, drainMs, killTimeoutMs, startTimeoutMs }))
    expect([name, told.get(name)]).toEqual([name, String(value)])
  const { backend, enforcement, unsupported, loginMark, sweep, systemd } = open
  for (const [name, value] of Object.entries({
    backend,
    enforcement,
    unsupported,
    loginMark,
    sweep,
    systemd,
  }))
    expect(told.get(name)).toMatch(new RegExp(`^\`${value}\``))
  expect(told.get('mode')).toBe(`\`${spawn.mode}\``)
  expect([told.get('stopSignal'), open.stopSignal]).toEqual(['`SIGTERM`', constants.signals.SIGTERM])
  expect([spawn.timeoutMs, open.inputGraceMs, open.logger, open.root]).toEqual(Array(4).fill(undefined))
  // All options are there
  for (const name of Object.keys(open)) if (name !== 'machineMemory') expect(page).toContain(`\`${name}\``)
})

test('the table of the commands has the defaults that their help tells', async () => {
  const rows = [...tableOf('Of the commands')]
  expect(rows.length).toBeGreaterThan(5)
  for (const [name, value] of rows) {
    const [, option = '', command = ''] = name.match(/`(--[a-z-]+)` `corral (\w+)`/) ?? []
    const { stdout } = await corral([command, '--help'])
    const help = stdout.replaceAll(/\n {10,}/g, ' ').split('\n')
    const line = help.find((one) => one.trim().startsWith(`${option} `)) ?? ''
    const given = line.match(/\(default: (\d+)\)/)?.[1] ?? 'no bound'
    expect([name, value.split(':')[0]]).toEqual([name, given])
  }
})
