// openCorral(): the options, the backend that they and this host give, and the instance in it.
import type { Backend } from './backend/backend.js'
import { CgroupBackend } from './backend/cgroup/backend.js'
import { capsAroundHint, ownCgroup } from './backend/cgroup/caps-around.js'
import { memoryAt } from './backend/cgroup/machine.js'
import { searchRootAndAsk } from './backend/cgroup/root.js'
import type { GuardEvent } from './backend/facts.js'
import { hostMemory } from './backend/limits.js'
import { PassthroughBackend } from './backend/passthrough/backend.js'
import { SubreaperBackend } from './backend/subreaper/backend.js'
import { Log, openLogger } from './common/log.js'
import { isSupportedPlatform, loadNative } from './native/addon.js'
import { Corral } from './session/corral.js'
import { type OpenOptions, type OpenPlan, parseOpenOptions } from './session/options.js'

/**
 * Opens an instance: finds a root, locks an instance in it, and collects what dead instances left.
 * @throws UnsupportedPlatformError anywhere but on Linux, unless `unsupported` is passthrough.
 * @throws RootError when there is no cgroup to build in.
 * @throws GuardError when the guard that ends the sessions when this process dies cannot be started, unless `enforcement`
 * is best-effort.
 * @throws InvalidArgumentError, InvalidLimitError for options that cannot mean anything.
 */
export async function openCorral(options?: OpenOptions): Promise<Corral> {
  const plan = parseOpenOptions(options, isSupportedPlatform() ? memoryAt : hostMemory)
  const log = new Log(await openLogger(plan.logger))
  let corral: Corral | undefined
  const startedIn = isSupportedPlatform() ? ownCgroup() : undefined
  const backend = await openBackend({ ...plan, startedIn }, (event) => {
    logGuard(log, event)
    corral?.hearOfGuard(event)
  })
  const { capsAround } = backend
  if (capsAround.length > 0)
    log.warn('caps around the gateway do not hold for its sessions', {
      capsAround,
      hint: capsAroundHint(capsAround),
    })
  corral = new Corral(backend, plan, log)
  try {
    if (plan.sweep) corral.swept = await corral.sweep()
    return corral
  } catch (error) {
    await corral.close()
    throw error
  }
}

/**
 * Cgroups where there are any to build in, or systemd gives one; a root that was asked for has to do. What holds nothing is only
 * taken where that was asked for.
 */
async function openBackend(
  plan: OpenPlan & { startedIn: string | undefined },
  emit: (event: GuardEvent) => void,
): Promise<Backend> {
  if (plan.backend === 'passthrough') return new PassthroughBackend(plan)
  if (plan.unsupported === 'passthrough' && !isSupportedPlatform()) return new PassthroughBackend(plan)
  if (plan.backend === 'subreaper') return SubreaperBackend.open(plan, emit)
  if (plan.backend === 'cgroup' || plan.root !== undefined) return CgroupBackend.open(plan, emit)
  const { chosen } = await searchRootAndAsk(loadNative(), plan)
  return chosen?.path === undefined
    ? SubreaperBackend.open(plan, emit)
    : CgroupBackend.open({ ...plan, root: chosen.path }, emit)
}

function logGuard(log: Log, { event, deaths, ...rest }: GuardEvent): void {
  if (event === 'died') log.warn('guard died', { deaths })
  else if (event === 'restarted') log.info('guard restarted', { deaths })
  else log.error('guard cannot be started', { err: 'error' in rest ? rest.error : undefined, deaths })
}
