// Endings of what others have started: a gateway of root's may have marked its sessions in their login uids, too
// (openCorral({ loginMark })), and no other session can have such marks.
import type { Native } from '../../native/addon.js'

/** Does such work. */
export async function withLoginMarks<T>(native: Native, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work()
  native.readLoginMarks()
  try {
    return await work()
  } finally {
    native.leaveLoginMarks()
  }
}
