// Sessions of Corral inside a pen: the pen is their root, so what outlives them is counted by other means
// than Corral's.
import { once } from 'node:events'
import { dirname } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import type { Corral, Session, SessionReport } from '../../../../src/index.js'
import { commandOf, type Leader, type Payload, settled } from '../../../chaos/escape/payload-table.js'
import { BACKEND, expectGone } from '../../../support/backend.js'
import { line } from '../../../support/line.js'
import { openInPen } from '../../../support/open-in-pen.js'
import type { Pen } from '../../../support/pen.js'

/**
 * `freeze` is how kernels before 5.14 are served: freeze, SIGKILL through pidfds, thaw, repeat. `default` is
 * cgroup.kill on all newer ones.
 */
export type KillMethod = 'default' | 'freeze'
export const killMethods: readonly KillMethod[] = BACKEND === 'cgroup' ? ['default', 'freeze'] : ['default']

/** Opens an instance under the pen which the test closes; it is closed at the end of the test in any case. */
export async function openIn(
  pen: Pen,
  method: KillMethod,
  options: { sweep?: boolean } = {},
): Promise<Corral> {
  vi.stubEnv('CORRAL_KILL_METHOD', method === 'freeze' ? 'freeze' : undefined)
  onTestFinished(() => void vi.unstubAllEnvs())
  return openInPen(pen, options)
}

export interface Placement {
  key?: string
  parentKey?: string
  mode?: 'oneshot' | 'persistent'
}

/** Starts a payload as a session and waits until all of it hides. */
export async function hide(
  corral: Corral,
  payload: Payload,
  leader: Leader,
  placement: Placement = {},
): Promise<Session> {
  const session = await corral.spawn({ ...(await commandOf(payload, leader)), ...placement })
  const { stdout, stderr } = session.process
  if (!stdout || !stderr) throw new Error('the session has no stdout and stderr')
  stderr.on('data', (text) => process.stderr.write(`${payload.file}: ${text}`))
  const gone = leader === 'leave' ? once(session.process, 'exit') : undefined
  await line(stdout, /^hidden$/)
  await gone
  if (placement.mode === 'persistent') await settled(payload, session.receipt.path)
  return session
}

/** What a report says of the killed, for those whose number stands still. */
export function expectKilled(report: SessionReport, count: number | undefined): void {
  if (count !== undefined) expect(report.killed.count).toBe(count)
}

export async function expectRemoved(session: Session): Promise<void> {
  const { path } = session.receipt
  await expectGone(BACKEND === 'cgroup' ? dirname(path) : path)
}

/** That nobody lives in the pen, and that nothing is left in it once the instance is closed. */
export async function expectNothingLeft(pen: Pen, corral: Corral): Promise<void> {
  expect(await pen.members()).toEqual([])
  await corral.close({ graceMs: 0 })
  if (BACKEND === 'cgroup') expect(await pen.groups()).toEqual([])
}
