// Which backend a run of the behaviour tests is for: vitest.config.ts runs them once for each.
import { inject } from 'vitest'
import type { BackendName, OpenOptions } from '../../src/index.js'
import type { Pen } from './pen.js'

declare module 'vitest' {
  interface ProvidedContext {
    backend: BackendName
  }
}

export const BACKEND: BackendName = inject('backend') ?? 'cgroup'

/** The options by which an instance of this backend holds its sessions in a pen. */
export function inPen(pen: Pen): OpenOptions {
  return BACKEND === 'cgroup' ? { root: pen.path } : { backend: BACKEND }
}
