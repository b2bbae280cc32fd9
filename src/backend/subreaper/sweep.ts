// Collects what sessions without cgroups lost whose gateway, keeper and holder were all killed: it bears their marks.

import { explained } from '../../common/errors.js'
import type { Lost, Native } from '../../native/addon.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import { stuckError } from '../stuck.js'

/** Of this user; for root of all. What a holder holds, or a keeper is still to end, is not touched. */
export async function sweepLost(
  native: Native,
  { killTimeoutMs }: { killTimeoutMs: number },
  { dryRun }: SweepOptions,
): Promise<SweepReport> {
  const report: SweepReport = { collected: [], live: [], failed: [] }
  const collect = async ({ mark, holder, processes }: Lost) => {
    const place = { instance: `holder-${holder}`, path: `/proc/${holder}` }
    try {
      const nothing = { empty: true, left: [] }
      const { empty, left } = dryRun ? nothing : await native.endMarked(mark, killTimeoutMs)
      if (!empty) throw stuckError(`what the holder ${holder} lost`, place.path, left, killTimeoutMs)
      report.collected.push({ ...place, sessions: 1, processes })
    } catch (error) {
      const failure = explained(`what the holder ${holder} lost cannot be collected`, error) as Error
      report.failed.push({ ...place, error: failure })
    }
  }
  await Promise.all((await native.lost()).map(collect))
  return report
}
