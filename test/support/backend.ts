// Which backend a run of the behaviour tests is for: vitest.config.ts runs them once for each.
import { existsSync } from 'node:fs'
import { expect, inject } from 'vitest'
import type { BackendName, OpenOptions } from '../../src/index.js'
import { eventually } from './eventually.js'
import type { Pen } from './pen.js'

declare module 'vitest' {
  interface ProvidedContext {
    backend: BackendName
  }
}

export const BACKEND: BackendName = inject('backend') ?? 'cgroup'

/** That a session's place, if it has one, is gone: its directory, or its holder, which whoever adopted it may have to reap yet. */
export async function expectGone(place: string): Promise<void> {
  if (BACKEND === 'cgroup') expect(existsSync(place)).toBe(false)
  else if (place !== '') await eventually(`${place} is gone`, () => !existsSync(place))
}

/** The options by which an instance of this backend holds its sessions in a pen. */
export function inPen(pen: Pen): OpenOptions {
  return BACKEND === 'cgroup' ? { root: pen.path } : { backend: BACKEND }
}

/** The same for `corral run`. */
export function runInPen(pen: Pen): string[] {
  return BACKEND === 'cgroup' ? ['--root', pen.path] : ['--backend', BACKEND]
}
