// openCorral(): the options, the backend that they and this host give, and the instance in it.
import type { GuardEvent } from './backend/facts.js'
import { Ledger } from './backend/ledger.js'
import { hostMemory } from './backend/limits.js'
import { capsAroundHint, memoryAt } from './backend/mechanisms.js'
import { openBackend } from './backend/opening.js'
import { Log, openLogger } from './common/log.js'
import { isSupportedPlatform, loadNative } from './native/addon.js'
import { Corral } from './session/corral.js'
import { type OpenOptions, type OpenPlan, parseOpenOptions } from './session/options.js'

/**
 * Opens an instance: finds a root, creates and locks the instance in it, and collects what dead instances left.
 * @throws UnsupportedPlatformError anywhere but on Linux, unless `unsupported` is passthrough.
 * @throws RootError when no cgroup is usable.
 * @throws GuardError when the guard that ends the sessions when this process dies cannot be started, unless `enforcement`
 * is best-effort.
 * @throws InvalidArgumentError, InvalidLimitError for invalid options, KernelError for a ledger that cannot be opened.
 */
export async function openCorral(options?: OpenOptions): Promise<Corral> {
  const plan = parseOpenOptions(options, isSupportedPlatform() ? memoryAt : hostMemory)
  const log = new Log(await openLogger(plan.logger))
  let corral: Corral | undefined
  const ledger = await openLedger(plan, log)
  const backend = await openBackend(plan, (event) => {
    logGuard(log, event)
    corral?.hearOfGuard(event)
  })
  const { capsAround } = backend
  if (capsAround.length > 0)
    log.warn('caps around the gateway do not hold for its sessions', {
      capsAround,
      hint: capsAroundHint(capsAround),
    })
  corral = new Corral(backend, plan, log, ledger)
  try {
    if (plan.sweep) corral.swept = await corral.sweep()
    return corral
  } catch (error) {
    await corral.close()
    throw error
  }
}

async function openLedger({ ledger }: OpenPlan, log: Log): Promise<Ledger | undefined> {
  if (!ledger) return undefined
  if (isSupportedPlatform()) return Ledger.open(loadNative(), ledger, log)
  log.warn('no ledger is written on this platform', { ledger: ledger.path })
  return undefined
}

function logGuard(log: Log, { event, deaths, ...rest }: GuardEvent): void {
  if (event === 'died') log.warn('guard died', { deaths })
  else if (event === 'restarted') log.info('guard restarted', { deaths })
  else log.error('guard cannot be started', { err: 'error' in rest ? rest.error : undefined, deaths })
}
