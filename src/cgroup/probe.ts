// What the kernel below a root can do: found out by doing it, in a group of our own that is gone afterwards.
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Native } from '../native.js'
import { packPlan } from '../native-plan.js'
import { offeredControllers } from './controllers.js'
import { endInstance, Guard } from './guard.js'
import { createInstance, newInstanceName } from './instance.js'
import { killMethod } from './kill.js'
import { type Remover, removeTree } from './removal.js'

export interface RootFacts {
  /** What the root could give to sessions. */
  controllers: string[]
  /** A child can be created in its group (CLONE_INTO_CGROUP, Linux 5.7, not behind every seccomp filter). */
  cloneIntoCgroup: boolean
  cgroupKill: boolean
  freeze: boolean
  /** Labels can be kept (user.* attributes on cgroupfs, Linux 5.7). */
  labels: boolean
  /** memory.peak, where there is a memory controller. */
  memoryPeak: boolean
  /** Pressure stall information per group. */
  pressure: boolean
  /** Why no guard can be had; absent where one can. */
  noGuard: string | undefined
}

/** @throws RootError, KernelError when nothing can be made or started below the root. */
export async function probeRoot(native: Native, root: string): Promise<RootFacts> {
  const remover: Remover = { native, killMethod: killMethod(), killTimeoutMs: 5000 }
  const name = newInstanceName()
  const guard = new Guard(native, { root, instance: name, noClone3: false, ...remover }, () => undefined)
  const [unguarded] = await failures(() => guard.start())
  const instance = await createInstance(native, root, name)
  const group = path.join(instance.path, 'probe')
  const has = (file: string) => existsSync(path.join(group, file))
  try {
    const [strayed] = unguarded ? [] : await failures(() => guard.moveIn())
    mkdirSync(group)
    return {
      controllers: offeredControllers(root).map(({ name }) => name),
      cgroupKill: has('cgroup.kill'),
      freeze: has('cgroup.freeze'),
      memoryPeak: has('memory.peak') || existsSync(path.join(root, 'memory.peak')),
      pressure: has('cgroup.pressure') || has('memory.pressure'),
      labels: canLabel(native, group),
      cloneIntoCgroup: await cloneWorks(native, group),
      noGuard: (unguarded ?? strayed)?.message,
    }
  } finally {
    await removeTree(group, remover)
    await endInstance(native, root, instance, guard)
  }
}

async function failures(attempt: () => Promise<void>): Promise<Error[]> {
  return attempt().then(
    () => [],
    (error) => [error as Error],
  )
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
  native.hold()
  await exited
  native.release()
  native.close(pidfd)
  return createdInPlace
}
