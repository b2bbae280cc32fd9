// What holds sessions: each of these ways stands every ending. The one place where that is chosen.
import { inject } from 'vitest'
import type { BackendName } from '../../../../src/index.js'
import { bySubreaper, type Payload } from '../../../chaos/escape/payload-table.js'

export interface Holder {
  name: string
  backend: BackendName
  /** CORRAL_KILL_METHOD: how kernels before 5.14 are served, too: freeze, SIGKILL through pidfds, thaw, repeat. */
  killMethod?: 'freeze'
  /** Whether this program can be held. */
  takes(payload: Payload): boolean
}

const all: readonly Holder[] = [
  { name: 'a cgroup', backend: 'cgroup', takes: () => true },
  { name: 'a cgroup, by freezing', backend: 'cgroup', killMethod: 'freeze', takes: () => true },
  {
    name: 'a subreaper',
    backend: 'subreaper',
    // To freeze the group stops the gateway, which is in the same, too
    takes: bySubreaper,
  },
]

/** Whether there can only be one of this program at a time: sessions of subreapers are in one cgroup, that of the gateway. */
export const isAlone = ({ backend }: Holder, { makesGroups }: Payload) =>
  backend === 'subreaper' && makesGroups === true

const backend = inject('backend') as BackendName | undefined

/** Those of this project; of all, where there is none. */
export const holders = all.filter((holder) => backend === undefined || holder.backend === backend)
