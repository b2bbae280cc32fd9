// An instance of Corral inside a test's own pen.
import { onTestFinished } from 'vitest'
import { type Corral, type OpenOptions, openCorral } from '../../src/index.js'
import { inPen } from './backend.js'
import type { Pen } from './pen.js'

/** Opens an instance below the pen; it is closed when the test is over, however it ends. */
export async function openInPen(pen: Pen, options: OpenOptions = {}): Promise<Corral> {
  const corral = await openCorral({ ...inPen(pen), ...options })
  onTestFinished(async () => {
    await corral.close({ graceMs: 0 })
  })
  return corral
}
