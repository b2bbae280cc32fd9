// Limits where no kernel holds them: the watchdog sees to memoryMax, nobody to the others.
import os from 'node:os'
import { LimitUnsupportedError } from '../../common/errors.js'
import type { Enforcement } from '../backend.js'
import type { AppliedLimit } from '../facts.js'
import type { LimitChanges, LimitName, ParsedLimits } from '../limits.js'

/** @throws LimitUnsupportedError where something is required: nothing here holds any limit. */
export function assertNoneRequired(limits: LimitChanges, enforcement: Enforcement, over = 'a session'): void {
  const wanted = (Object.keys(limits) as LimitName[]).filter((name) => limits[name] !== null)
  if (enforcement !== 'required' || wanted.length === 0) return
  throw new LimitUnsupportedError(`nothing here can enforce ${wanted.join(', ')} over ${over}`, {
    hint: "Sessions are held without cgroups here: `corral doctor` tells why, and enforcement: 'best-effort' (--best-effort) runs without",
  })
}

/** What holds of `limits`; `watched`: the watchdog sees to memoryMax. */
export function appliedLimits(limits: ParsedLimits, watched: boolean): AppliedLimit[] {
  return (Object.entries(limits) as [LimitName, number][]).map(([name, requested]) => {
    const machine = name.startsWith('memory') ? os.totalmem() : null
    if (name !== 'memoryMax' || !watched)
      return { name, requested, applied: null, enforcedBy: 'none', effective: machine }
    return {
      name,
      requested,
      applied: null,
      enforcedBy: 'watchdog',
      effective: Math.min(requested, os.totalmem()),
    }
  })
}
