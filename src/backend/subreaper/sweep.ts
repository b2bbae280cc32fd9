// Collects what sessions without cgroups lost whose gateway, keeper and reaper were all killed: it bears their marks.

import { explained } from '../../common/errors.js'
import type { Lost, Native } from '../../native/addon.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import { stuckError } from '../stuck.js'

/** Of this user; for root of all. What a reaper holds, or a keeper is still to end, is not touched. */
export async function sweepLost(
  native: Native,
  { killTimeoutMs }: { killTimeoutMs: number },
  { dryRun }: SweepOptions,
): Promise<SweepReport> {
  const report: SweepReport = { collected: [], live: [], failed: [] }
  const collect = async ({ mark, reaper, processes }: Lost) => {
    const place = { instance: `holder-${reaper}`, path: `/proc/${reaper}` }
    try {
      const nothing = { empty: true, left: [] }
      const { empty, left } = dryRun ? nothing : await native.endMarked(mark, killTimeoutMs)
      if (!empty) throw stuckError(`what the reaper ${reaper} lost`, place.path, left, killTimeoutMs)
      report.collected.push({ ...place, sessions: 1, processes })
    } catch (error) {
      const failure = explained(`cannot collect what the reaper ${reaper} lost`, error) as Error
      report.failed.push({ ...place, error: failure })
    }
  }
  await Promise.all((await native.findLost()).map(collect))
  return report
}
