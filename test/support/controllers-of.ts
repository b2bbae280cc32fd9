// The controllers of a cgroup v2 directory, and what the tests name as if it were one.
import { existsSync, readFileSync } from 'node:fs'
import { findMemoryV1 } from '../../src/backend/cgroup/memory-v1.js'

/** What the kernel tells of pressure (psi.rst), named as if it were a controller. */
export const PRESSURE = 'pressure'

/** The memory controller of v1, where v2 has none. */
export const MEMORY_V1 = 'memory of v1'

export function controllersOf(directory: string): string[] {
  const controllers = readFileSync(`${directory}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean)
  if (existsSync(`${directory}/memory.pressure`)) controllers.push(PRESSURE)
  if (!controllers.includes('memory') && findMemoryV1() !== undefined) controllers.push(MEMORY_V1)
  return controllers
}
