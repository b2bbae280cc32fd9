// What programs that have ended left in SysV shared memory: sessions do, too, and it is charged to their instance while that lives.
import type { Facts, Finding } from './facts.js'

const MIB = 1024 * 1024

export function judgeSegments({ host: { segments } }: Facts): Finding[] {
  const { count, bytes, segments: told } = segments
  if (count === 0) return []
  const [first] = told
  return [
    {
      id: 'segments',
      guarantee: 'what has ended has left no shared memory',
      verdict: 'CAUTION',
      why: `${count} SysV segment${count === 1 ? '' : 's'}, with ${Math.round(bytes / MIB)} MiB together, that nobody is attached to, whose creator has ended`,
      fix: `ipcs -mp lists them; ipcrm -m ID (the first is ${first?.id}) removes one that nobody needs`,
    },
  ]
}
