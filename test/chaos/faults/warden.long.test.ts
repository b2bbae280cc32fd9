// Every system call of corral-warden made to fail: what `corral run` becomes, and the guard of a gateway. Whatever comes
// of it, it ends, and nothing is left.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inject, test } from 'vitest'
import { openCorral } from '../../../src/index.js'
import { wardenPath } from '../../../src/native/addon.js'
import { eventually, SLOWNESS, within } from '../../support/eventually.js'
import { Gateway, type Refusal } from '../../support/gateway.js'
import { makePen, type Pen } from '../../support/pen.js'
import { memoryTwins } from '../../support/suite-memory.js'
import '../../support/suite-root.js'
import { hasStrace, injectionsOf } from './traced.js'

// Longer than whatever has to be given up: a guard that does not answer has 10 s.
const BOUND_MS = 60_000
const TIMEOUT_MS = 1_800_000 * SLOWNESS

function scratch(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'corral-traced-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

async function inPen(pen: Pen, twinsBefore: string[]): Promise<(number | string)[]> {
  const twins = memoryTwins().filter((one) => !twinsBefore.includes(one))
  return [...(await pen.everybody()), ...(await pen.groups()), ...twins]
}

/**
 * What is left in the pen a while after all has ended, in words, but for a directory in which nothing is and that all instances share:
 * who is told that it is not empty cannot know better, and leaves it to the next.
 */
async function leftIn(pen: Pen, twinsBefore: string[]): Promise<string[]> {
  const left = () => inPen(pen, twinsBefore)
  const shared = join(pen.path, 'corral')
  try {
    await eventually('nothing is left', async () => (await left()).every((one) => one === shared), {
      withinMs: BOUND_MS,
    })
    if ((await left()).length > 0) await (await openCorral({ root: pen.path })).close()
    return (await left()).map((one) => `left, and by the next: ${one}`)
  } catch {
    const words = (await left()).map((one) => `left: ${one}`)
    await pen.kill()
    for (const group of (await pen.groups()).toReversed()) rmdirSync(group) // not to be found again by the next
    return words
  }
}

async function endedWithin(
  child: ChildProcess,
  ms: number,
): Promise<{ code: number | null; by: string | null } | undefined> {
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  try {
    const [code, by] = await within('it has ended', exited, ms)
    return { code, by }
  } catch {
    child.kill('SIGKILL')
    await exited
    return undefined
  }
}

/** Runs `true` by the warden under strace; gives what is wrong with what came of it. */
async function runUnder(pen: Pen, log: string, options: string[]): Promise<string[]> {
  const twins = memoryTwins()
  const run = [
    wardenPath(),
    'run',
    '--root',
    pen.path,
    '--place',
    'key',
    '--kill-timeout',
    '2000',
    '--',
    'true',
  ]
  const child = spawn('strace', ['-o', log, ...options, ...run], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [ended, words] = await Promise.all([endedWithin(child, BOUND_MS), text(child.stderr)])
  if (!ended) return ['hangs']
  if (ended.by) return [`ended by ${ended.by}`]
  const mute = ended.code !== 0 && !/corral/.test(words) ? [`status ${ended.code} without a word`] : []
  return [...mute, ...(await leftIn(pen, twins))]
}

/** Puts an addon into a directory, beside which the warden is one under strace. */
function tracedWarden(directory: string, log: string, options: string[]): string {
  cpSync(join(dirname(wardenPath()), 'corral.node'), join(directory, 'corral.node'))
  const script = `#!/bin/sh\nexec strace -D -f -o ${log} ${options.join(' ')} ${wardenPath()} "$@"\n`
  writeFileSync(join(directory, 'corral-warden'), script)
  chmodSync(join(directory, 'corral-warden'), 0o755)
  return join(directory, 'corral.node')
}

/** A gateway with two sessions whose guard runs under strace is killed, or could not be opened. */
async function gatewayUnder(pen: Pen, log: string, options: string[]): Promise<string[]> {
  using directory = scratch()
  const twins = memoryTwins()
  const env = { CORRAL_ADDON: tracedWarden(directory.path, log, options) }
  const gateway = Gateway.start(undefined, { env })
  const refusal: Refusal | undefined = await gateway
    .open({ root: pen.path })
    .then(() => gateway.sleepers(2))
    .then(
      () => undefined,
      (error) => error,
    )
  await gateway.kill()
  const unclear = refusal && refusal.code !== 'CORRAL_NO_GUARD' ? [`${refusal.code}: ${refusal.message}`] : []
  return [...unclear, ...(await leftIn(pen, twins))]
}

test.skipIf(!hasStrace()).for([
  ['corral run, in which any call of its supervisor fails, ends and leaves nothing', runUnder],
  ['a gateway is killed whose guard has any of its calls fail, and nothing is left', gatewayUnder],
] as const)('%s', { timeout: TIMEOUT_MS }, async ([, under], { expect }) => {
  await using pen = await makePen(inject('suiteRoot'), 'traced')
  using directory = scratch()
  const log = join(directory.path, 'log')
  expect(await under(pen, log, [])).toEqual([])
  const found: string[] = []
  for (const { words, option } of injectionsOf(log))
    for (const problem of await under(pen, '/dev/null', ['-e', option])) found.push(`${words}: ${problem}`)
  expect(found).toEqual([])
})
