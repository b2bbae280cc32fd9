// Limits where nobody holds any.

import { LimitUnsupportedError } from '../../common/errors.js'
import type { Enforcement } from '../backend.js'
import type { AppliedLimit } from '../facts.js'
import { hostMemory, type LimitChanges, type LimitName, type ParsedLimits } from '../limits.js'

/** @throws LimitUnsupportedError where something is required. */
export function assertNoneRequired(limits: LimitChanges, enforcement: Enforcement, over = 'a session'): void {
  const wanted = (Object.keys(limits) as LimitName[]).filter((name) => limits[name] !== null)
  if (enforcement !== 'required' || wanted.length === 0) return
  throw new LimitUnsupportedError(`nothing can enforce ${wanted.join(', ')} over ${over}`, {
    hint: "Sessions are plain child processes here: enforcement: 'best-effort' runs them without limits",
  })
}

/** What holds of `limits`: only the machine's memory has an end. */
export function unheldLimits(limits: ParsedLimits): AppliedLimit[] {
  return (Object.entries(limits) as [LimitName, number][]).map(([name, requested]) => {
    const effective = name.startsWith('memory') ? hostMemory() : null
    return { name, requested, applied: null, enforcedBy: 'none', effective }
  })
}
