// What holds sessions: each of these ways stands every escape test. The one place where the tests choose it.
import type { OpenOptions } from '../../../src/index.js'
import { bySubreaper, type Payload } from './payload-table.js'

export interface Holder {
  name: string
  /** Of the gateway, beside its root. */
  open: OpenOptions
  /** Of the gateway's environment. */
  env: Record<string, string>
  /** Whether a sweep finds what gateway and guard have left that were killed together. */
  sweeps: boolean
  /** Whether this program can be held, and hides in some way of its own then. */
  takes(payload: Payload): boolean
}

const cgroup = { open: {}, sweeps: true, takes: () => true }

export const holders: readonly Holder[] = [
  { ...cgroup, name: 'cgroup.kill', env: { CORRAL_KILL_METHOD: 'cgroup.kill' } },
  // How kernels before 5.14 are served: freeze, SIGKILL through pidfds, thaw, repeat
  { ...cgroup, name: 'freeze', env: { CORRAL_KILL_METHOD: 'freeze' } },
  {
    name: 'a subreaper',
    open: { backend: 'subreaper', root: undefined },
    env: {},
    sweeps: false,
    // All are in one cgroup, that of the gateway: to make groups hides nothing, and to freeze it stops the gateway too
    takes: (payload) => !payload.makesGroups && bySubreaper(payload),
  },
]
