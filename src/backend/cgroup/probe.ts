// What the kernel below a root can do: found out by doing it, in a group of our own that is gone afterwards.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { hasFile, subdirectories } from '../../linux/file.js'
import type { Native } from '../../native/addon.js'
import { SESSIONS } from '../../native/language.js'
import { packPlan } from '../../native/plan.js'
import type { LimitName } from '../limits.js'
import { offeredControllers } from './controllers/index.js'
import { endInstance, Guard } from './guard.js'
import { createInstance, holding, newInstanceName } from './instance.js'
import { killMethod } from './kill.js'
import { makeMemoryV1 } from './memory-v1.js'
import { type Remover, removeTree } from './removal.js'

export interface RootFacts {
  /** What the root could give to sessions. */
  controllers: string[]
  /** Without a memory controller in there: v1 has one in which we may make cgroups. */
  memoryV1: boolean
  /** A child can be created in its group (CLONE_INTO_CGROUP, Linux 5.7, not behind every seccomp filter). */
  cloneIntoCgroup: boolean
  /** Why not: the cgroup that this process is in was killed once, and is used again (native/core/unborn.h). */
  ownGroupKilled: boolean
  cgroupKill: boolean
  freeze: boolean
  /** Labels can be kept (user.* attributes on cgroupfs, Linux 5.7). */
  labels: boolean
  /** memory.peak, where there is a memory controller. */
  memoryPeak: boolean
  /** Limits of the offered controllers that this kernel has no file for. */
  missingLimits: LimitName[]
  /** Offered controllers that are turned on nowhere near: which of their limits this kernel has cannot be seen. */
  unseen: string[]
  /** Pressure stall information per group. */
  pressure: boolean
  /** Why no guard can be had; absent where one can. */
  noGuard: string | undefined
}

// Files that a controller has only where it is turned on: memory.stat and io.stat are also at the top
const LIMIT_FILE = /\.(?:max|weight)$/

/** @throws RootError, KernelError when nothing can be made or started below the root. */
export async function probeRoot(native: Native, root: string): Promise<RootFacts> {
  return holding(native, root, () => probe(native, root))
}

async function probe(native: Native, root: string): Promise<RootFacts> {
  const remover: Remover = { native, killMethod: killMethod(), killTimeoutMs: 5000 }
  const name = newInstanceName()
  const guard = new Guard(native, { root, instance: name, noClone3: false, ...remover }, () => undefined)
  const [unguarded] = await failures(() => guard.start())
  const instance = await createInstance(native, root, name)
  const group = path.join(instance.path, 'probe')
  const has = (file: string) => hasFile(group, file)
  try {
    const [strayed] = unguarded ? [] : await failures(() => guard.moveIn())
    native.makeDirectory(group)
    const controllers = offeredControllers(root).map(({ name }) => name)
    return {
      controllers,
      memoryV1: !controllers.includes('memory') && (await makesMemoryV1(native, instance.path)),
      cgroupKill: has('cgroup.kill'),
      freeze: has('cgroup.freeze'),
      memoryPeak: has('memory.peak') || hasFile(root, 'memory.peak'),
      ...limitsSeen(root),
      pressure: has('cgroup.pressure') || has('memory.pressure'),
      labels: canLabel(native, group),
      cloneIntoCgroup: await cloneWorks(native, group),
      ownGroupKilled: native.features().clonesDied,
      noGuard: (unguarded ?? strayed)?.message,
    }
  } finally {
    await removeTree(group, remover)
    await endInstance(native, root, instance, guard)
  }
}

/**
 * Looks where a controller shows its files without being turned on for it: in the root, and in what is there beside us
 * (the top of the hierarchy has none itself).
 */
function limitsSeen(root: string): Pick<RootFacts, 'missingLimits' | 'unseen'> {
  const places = [root, ...subdirectories(root).map((name) => path.join(root, name))]
  const seen: Pick<RootFacts, 'missingLimits' | 'unseen'> = { missingLimits: [], unseen: [] }
  for (const { name, limits } of offeredControllers(root)) {
    const shown = places.find((place) =>
      readdirSync(place).some((file) => LIMIT_FILE.test(file) && file.startsWith(`${name}.`)),
    )
    if (shown === undefined) seen.unseen.push(name)
    else for (const { limit, file } of limits) if (!hasFile(shown, file)) seen.missingLimits.push(limit)
  }
  return seen
}

async function failures(attempt: () => Promise<void>): Promise<Error[]> {
  return attempt().then(
    () => [],
    (error) => [error as Error],
  )
}

/** Makes one and removes it, for a directory that may be written in can refuse it all the same. */
async function makesMemoryV1(native: Native, instance: string): Promise<boolean> {
  const memoryV1 = makeMemoryV1(native, instance)
  await memoryV1?.remove([path.join(instance, SESSIONS)])
  return memoryV1 !== undefined
}

function canLabel(native: Native, directory: string): boolean {
  native.setLabel(directory, 'user.corral.probe', '1')
  return native.getLabel(directory, 'user.corral.probe') === '1'
}

async function cloneWorks(native: Native, group: string): Promise<boolean> {
  const { started, exited } = native.spawn(
    packPlan(
      { command: '/proc/self/exe', argv: ['node', '--version'], stdio: ['ignore', 'ignore', 'ignore'] },
      { group, make: '', noClone3: false },
    ),
  )
  const [, pidfd, createdInPlace] = await started
  native.ref()
  await exited
  native.unref()
  native.close(pidfd)
  return createdInPlace
}
