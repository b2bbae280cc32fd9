// The ledger of a command: --ledger.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { assertWritable, Ledger, type LedgerPlan } from '../backend/ledger.js'
import { Log } from '../common/log.js'
import { within } from '../common/within.js'
import { loadNative, wardenPath } from '../native/addon.js'
import { complainOf } from './output.js'

/** What cannot be written into it is told, and is no failure. */
export function openLedger(plan: LedgerPlan): Promise<Ledger> {
  const silent = () => undefined
  const warn = (data: object) => complainOf((data as { err: unknown }).err)
  return Ledger.open(loadNative(), plan, new Log({ debug: silent, info: silent, warn, error: silent }))
}

const PATIENCE_MS = 1000

/**
 * For a process that is to become another program: one of its threads that hangs at a file system would hold up its execve(2), so
 * another process looks.
 * @throws as Ledger.open()
 */
export async function checkLedger(plan: LedgerPlan): Promise<void> {
  const child = spawn(wardenPath(), ['ledger', '--ledger', plan.path], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const failed = once(child, 'error').then(() => '')
  const said = await within(Promise.race([text(child.stdout), failed]), PATIENCE_MS)
  child.stdout.destroy()
  child.unref()
  const [, errno, syscall] = /^(\d+) (.+)$/.exec(said ?? '') ?? []
  if (errno === undefined) return
  const message = `${syscall} ${plan.path}`
  assertWritable(plan, Object.assign(new Error(message), { errno: -errno, syscall, path: plan.path }))
}
