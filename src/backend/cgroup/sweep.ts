// Collects what instances left behind whose gateway is dead. The lock of each is held meanwhile, so two sweepers
// do not trip over each other.
import path from 'node:path'
import { explained } from '../../common/errors.js'
import { GATEWAY_GONE, SESSIONS } from '../../native/language.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import type { Ledger } from '../ledger.js'
import { type Instance, lockDeadInstances } from './instance.js'
import { withLoginMarks } from './login-marks.js'
import { readMemoryV1 } from './memory-v1.js'
import { emptySessions, emptyTree, type Remover, removeSessions, removeTree } from './removal.js'
import { countSessions } from './survey.js'

/** Collects the dead instances below `root`, or with dryRun only lists them. */
export async function sweepInstances(
  root: string,
  remover: Remover,
  { dryRun }: SweepOptions,
  ledger: Ledger | undefined,
): Promise<SweepReport> {
  const { native } = remover
  const { dead, live, ending, foreign } = lockDeadInstances(native, root)
  const report: SweepReport = {
    collected: [],
    live,
    failed: [],
    ...(ending.length > 0 && { ending }),
    ...(foreign.length > 0 && { foreign }),
  }
  const collect = async ({ name, path: directory, lock }: Instance) => {
    try {
      const { sessions, processes } = await countSessions(native, path.join(directory, SESSIONS))
      if (!dryRun) {
        const memoryV1 = readMemoryV1(native, directory) // word of which goes with the directory
        if (ledger) {
          await native.noteMembers(path.join(directory, SESSIONS))
          await emptySessions(path.join(directory, SESSIONS), remover)
          await ledger.recordAll(path.join(directory, SESSIONS), directory, {
            writer: 'sweep',
            mechanism: 'cgroup',
            instance: name,
            reason: GATEWAY_GONE,
          })
        }
        await removeSessions(path.join(directory, SESSIONS), remover)
        await emptyTree(directory, remover) // what has moved itself out of the sessions
        await memoryV1?.remove([path.join(directory, SESSIONS)])
        await removeTree(directory, remover)
      }
      report.collected.push({ instance: name, path: directory, sessions, processes })
    } catch (error) {
      const failure = explained(`${directory} cannot be collected`, error) as Error
      report.failed.push({ instance: name, path: directory, error: failure })
    } finally {
      native.close(lock)
    }
  }
  await withLoginMarks(native, () => Promise.all(dead.map(collect)))
  if (!dryRun && dead.length > 0) native.removeInstancesDirectory(root)
  return report
}
