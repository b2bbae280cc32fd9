// An instance of Corral inside a test's own pen.
import { onTestFinished } from 'vitest'
import { type Corral, type OpenOptions, openCorral } from '../../src/index.js'
import { inPen } from './backend.js'
import { SLOWNESS } from './eventually.js'
import type { Pen } from './pen.js'

// A kill that is given up would fail a test on time alone
const KILL_TIMEOUT_MS = 60_000 * SLOWNESS

/** Opens an instance below the pen; it is closed when the test is over, however it ends. */
export async function openInPen(pen: Pen, options: OpenOptions = {}): Promise<Corral> {
  const corral = await openCorral({ ...inPen(pen), killTimeoutMs: KILL_TIMEOUT_MS, ...options })
  onTestFinished(async () => {
    await corral.close({ graceMs: 0 })
  })
  return corral
}
