// Who has the sessions that are ended: the process of the test, or a gateway of its own in a pen.
import { vi } from 'vitest'
import { penned } from '../../../support/entered-pen.js'
import { SLOWNESS } from '../../../support/eventually.js'
import { Gateway, type GatewayOptions, type Orders, OwnProcess } from '../../../support/gateway.js'
import type { Pens } from '../../../support/pens.js'
import type { Holder } from './holders.js'

export interface Driver {
  name: string
  /** How many processes it is itself, of those in the pens. */
  itself: number
  /** Whether tests can go on side by side. */
  concurrent: boolean
  /** Gives `work` the pens, and a way to open an instance. */
  use(pens: Pens, holder: Holder, work: (pens: Pens, open: Open) => Promise<void>): Promise<void>
}

type Open = (options?: GatewayOptions) => Promise<Orders>

// A kill that is given up would fail a test on time alone
const KILL_TIMEOUT_MS = 60_000 * SLOWNESS

const ofHolder = ({ root }: Pens, { backend }: Holder, options: GatewayOptions = {}): GatewayOptions => ({
  ...(backend === 'cgroup' ? { root: root.path } : { backend }),
  killTimeoutMs: KILL_TIMEOUT_MS,
  ...options,
})

export function openProcess(pens: Pens, holder: Holder, options?: GatewayOptions): Promise<Gateway> {
  const env = { CORRAL_KILL_METHOD: holder.killMethod }
  return Gateway.open(pens.gateways, ofHolder(pens, holder, options), { env })
}

const ownProcess: Driver = {
  name: 'in the same process',
  itself: 0,
  concurrent: false,
  async use(pens, holder, work) {
    vi.stubEnv('CORRAL_KILL_METHOD', holder.killMethod)
    const inPens = (inside: Pens) =>
      work(inside, (options) => new OwnProcess().open(ofHolder(inside, holder, options)))
    try {
      if (holder.backend === 'cgroup') await inPens(pens)
      else await penned(pens.gateways, (gateways) => inPens({ ...pens, gateways }))
    } finally {
      vi.unstubAllEnvs()
    }
  },
}

const gatewayProcess: Driver = {
  name: 'in a gateway process',
  itself: 1,
  concurrent: true,
  use: (pens, holder, work) => work(pens, (options) => openProcess(pens, holder, options)),
}

export const drivers: readonly Driver[] = [ownProcess, gatewayProcess]
