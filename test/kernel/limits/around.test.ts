// Caps of the cgroup that a gateway is in, whose sessions are built outside of that: `corral run` holds its command to them, and of
// others it is said that they do not hold.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished } from 'vitest'
import { findCgroupMounts } from '../../../src/linux/mounts.js'
import { CLI } from '../../cli/command-line.js'
import { needing } from '../../support/controllers.js'
import { Gateway } from '../../support/gateway.js'
import { lacks } from '../../support/lacks.js'
import type { Pen } from '../../support/pen.js'
import { newPen } from '../../support/pen-test.js'

const MIB = 2 ** 20

const test = needing('memory', 'pids').extend<{ capped: Pen }>({
  /** Beside the root. */
  capped: async ({ skip }, use) => {
    if (lacks('memory') || lacks('pids')) skip('there is no cgroup v2 here that can be capped')
    await using capped = await newPen('capped', skip)
    for (const [file, value] of [
      ['memory.max', `${100 * MIB}`],
      ['memory.swap.max', '0'],
      ['pids.max', '300'],
    ] as const)
      writeFileSync(join(capped.path, file), value)
    await use(capped)
  },
})

/** What `corral` prints when it is run there. */
async function printed(capped: Pen, ...args: string[]): Promise<string> {
  const child = capped.spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child.stdout ? text(child.stdout) : ''
}

const SHOWS = 'cd "$1$(sed -n "s/^0:://p" /proc/self/cgroup)/.."; cat memory.max memory.swap.max pids.max'

test('hold for the command of corral run, also where higher ones were asked for', async ({ pen, capped }) => {
  const shows = ['--', 'sh', '-c', SHOWS, 'sh', findCgroupMounts().mounts[0]?.point ?? '']
  expect(await printed(capped, 'run', '--root', pen.path, ...shows)).toBe(`${100 * MIB}\n0\n300\n`)
  const asked = ['--memory-max', '50M', '--pids-max', '1000', '--memory-high', '40M']
  expect(await printed(capped, 'run', '--root', pen.path, ...asked, ...shows)).toBe(`${50 * MIB}\n0\n300\n`)
})

test('are named by receipts, the log and the doctor, where they do not hold for sessions', async ({
  pen,
  capped,
}) => {
  const gateway = await Gateway.open(capped, { root: pen.path, told: true })
  const { receipt } = await gateway.spawn({ command: 'sleep', args: ['1000'] })
  const caps = [
    { name: 'memoryMax', held: 100 * MIB, path: capped.path },
    { name: 'swapMax', held: 0, path: capped.path },
    { name: 'pidsMax', held: 300, path: capped.path },
  ]
  expect(receipt.capsAround?.filter(({ path }) => path === capped.path)).toEqual(caps)
  expect(gateway.opened.logged).toContain('caps around the gateway do not hold for its sessions')
  await gateway.leave()
  const { findings } = JSON.parse(await printed(capped, 'doctor', '--json', '--root', pen.path))
  expect(findings).toContainEqual(
    expect.objectContaining({
      id: 'around',
      verdict: 'CAUTION',
      why: expect.stringContaining(`memoryMax ${100 * MIB} of ${capped.path}`),
      fix: expect.stringContaining('Delegate=yes'),
    }),
  )
})

test('are not named where there are none', async ({ pen }) => {
  const gateway = await Gateway.open(undefined, { root: pen.path, told: true })
  const { receipt } = await gateway.spawn({ command: 'sleep', args: ['1000'] })
  expect(receipt).not.toHaveProperty('capsAround')
  expect(gateway.opened.logged).toEqual([])
  await gateway.leave()
})
