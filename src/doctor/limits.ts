// Which limits can be enforced.
import { capsAroundHint } from '../backend/mechanisms.js'
import type { Finding, RootedFacts } from './facts.js'
import { controllerFix } from './remedies.js'

function judgeController(
  { kernel, host }: RootedFacts,
  controller: string,
  {
    verdict = 'FAIL',
    otherwise = '',
    ...finding
  }: Pick<Finding, 'id' | 'guarantee'> & Partial<Finding> & { otherwise?: string },
): Finding {
  if (kernel.controllers.includes(controller))
    return { ...finding, verdict: 'PASS', why: `the root offers the ${controller} controller` }
  const offered = `the root offers [${kernel.controllers.join(' ')}], not ${controller}`
  return { ...finding, verdict, why: offered + otherwise, fix: controllerFix(host, controller) }
}

export function judgeMemory(facts: RootedFacts): Finding[] {
  const otherwise = facts.kernel.memoryV1
    ? ': that of cgroup v1 holds memoryMax, and no other limit on memory'
    : ": with enforcement 'best-effort' a watchdog enforces memoryMax of sessions"
  return [
    judgeController(facts, 'memory', {
      id: 'memory',
      guarantee: 'memory can be capped',
      verdict: 'CAUTION',
      otherwise,
    }),
    judgeSwap(facts),
  ]
}

function judgeSwap({ kernel, host }: RootedFacts): Finding {
  const swap = { id: 'swap', guarantee: 'a memory cap is not passed by swapping' }
  if (host.swapBytes === 0) return { ...swap, verdict: 'PASS', why: 'this machine has no swap' }
  const capped = kernel.controllers.includes('memory')
  if (capped && !kernel.missingLimits.includes('swapMax'))
    return { ...swap, verdict: 'PASS', why: 'swap can be capped: swapMax, 0 to forbid it' }
  return {
    ...swap,
    verdict: 'CAUTION',
    why: capped
      ? 'this kernel does not count swap by group: a session at memoryMax goes on in swap, and swapMax is refused'
      : 'this machine has swap, which is not counted without a memory controller',
    fix: capped ? 'Boot with swapaccount=1, or `swapoff -a`' : controllerFix(host, 'memory'),
  }
}

export function judgeProcesses(facts: RootedFacts): Finding[] {
  return [judgeController(facts, 'pids', { id: 'pids', guarantee: 'processes can be capped' })]
}

export function judgeCpu(facts: RootedFacts): Finding[] {
  return [judgeController(facts, 'cpu', { id: 'cpu', guarantee: 'CPU can be capped' })]
}

/** Those of the cgroup that the gateway is in, such as MemoryMax= of its unit, where sessions are built elsewhere. */
export function judgeCapsAround({ capsAround, root }: RootedFacts): Finding[] {
  if (capsAround.length === 0) return []
  const told = capsAround.map(({ name, held, path }) => `${name} ${held} of ${path}`)
  return [
    {
      id: 'around',
      guarantee: 'caps around the gateway hold for its sessions',
      verdict: 'CAUTION',
      why: `these are built in ${root.path}, outside of ${told.join(', ')}`,
      fix: capsAroundHint(capsAround),
    },
  ]
}

/** A share, not a cap: nothing that Corral promises hangs on it. */
export function judgeDisks(facts: RootedFacts): Finding[] {
  const disks = { id: 'io', guarantee: 'disks can be shared out', verdict: 'CAUTION' as const }
  if (facts.kernel.controllers.includes('io') && facts.kernel.missingLimits.includes('ioWeight'))
    return [
      {
        ...disks,
        why: 'this kernel has no io.weight: ioWeight is refused',
        fix: 'A kernel with CONFIG_BLK_CGROUP_IOCOST, or the scheduler bfq for the disks',
      },
    ]
  if (facts.kernel.unseen.includes('io'))
    return [
      {
        ...disks,
        why: 'the root offers the io controller, but it is not turned on, so whether this kernel has io.weight cannot be seen',
        fix: 'Run `corral run true`, which turns it on, and then this command again',
      },
    ]
  return [judgeController(facts, 'io', disks)]
}
