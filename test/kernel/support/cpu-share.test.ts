import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withShare } from '../../support/cpu-share.js'
import { output } from '../../support/output.js'

const share = process.env['CORRAL_TEST_CPU_SHARE']

test.skipIf(share === undefined)('a hungry program is in the group of its share from the start', async () => {
  const { command, args } = withShare({ command: 'cat', args: ['/proc/self/cgroup'] })
  const there = await output(spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout)
  const cpu = (text: string) => /^\d+:(?:\S+,)?cpu(?:,\S+)?:(.*)$/m.exec(text)?.[1]
  expect(cpu(there)).toMatch(/corral-test-\w{6}$/)
  expect(share?.endsWith(cpu(there) ?? '-')).toBe(true)
  expect(cpu(readFileSync('/proc/self/cgroup', 'utf8'))).not.toBe(cpu(there))
})
