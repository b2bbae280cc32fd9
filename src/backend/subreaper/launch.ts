// What the warden is told by `corral run` where a subreaper is to hold the command, and by what joins a session of one.
import { assertNoneRequired } from '../base.js'
import { type Launch, packRun, type RunPlan, unwatched } from '../launch.js'
import { packRecord } from '../ledger.js'
import type { LimitName } from '../limits.js'
import { newHeldInstanceName, packLabels } from './labels.js'
import { HINT } from './limits.js'

/** @throws LimitUnsupportedError where a limit is required. */
export function launchInSubreaper(plan: RunPlan): Launch {
  const { limits, enforcement, keys: given, command, program, ledger } = plan
  const { memoryMax } = limits
  assertNoneRequired(limits, { enforcement, hint: HINT })
  const instance = newHeldInstanceName()
  const keys = given.length > 0 ? given : [`${instance}-1`]
  const startedAt = Date.now()
  const labels = packLabels({
    instance,
    owner: { pid: process.pid, command: `corral run -- ${command}` },
    keys,
    mode: 'oneshot',
    command,
    startedAt,
    ...(memoryMax !== undefined && { memoryMax }),
  })
  const block = packRun(plan, {
    flags: scans() ? 'p' : '',
    watchedMemory: memoryMax,
    shown: labels,
    record:
      ledger && packRecord(ledger, { id: `${instance}-1`, instance, keys, program, command, startedAt }),
  })
  return { block, unheld: unwatched(Object.keys(limits) as LimitName[]) }
}

/** The words by which corral-warden joins a session by its door, before those of the command; `uid`: whose it is, where not ours. */
export function doorWords(door: string, startTimeoutMs: number, uid?: number): string[] {
  const owner = uid === undefined ? [] : ['--door-owner', String(uid)]
  return [
    'enter',
    '--door',
    door,
    ...owner,
    '--start-timeout',
    String(startTimeoutMs),
    ...(scans() ? ['--scan'] : []),
  ]
}

const scans = () => process.env['CORRAL_SCAN_PROC'] === '1'
