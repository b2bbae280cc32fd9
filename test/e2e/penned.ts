// A vitest `test` whose body gets a pen, a scratch directory and a Corral that builds in the pen. Whatever
// the body does, pen and processes are gone afterwards.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Corral, openCorral } from 'corral'
import { test as base } from 'vitest'
import { openPen } from '../../bench/demo/pen.mjs'
import { ROOT_VARIABLE } from '../support/cgroup-mount.js'

type Fixtures = { pen: ReturnType<typeof openPen>; scratch: string; corral: Corral }

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from here which fixtures a fixture wants
  scratch: async ({}, use) => {
    const scratch = mkdtempSync(join(tmpdir(), 'corral-e2e-'))
    await use(scratch)
    rmSync(scratch, { recursive: true, force: true })
  },
  // Wants the scratch directory only to be torn down before it: after that nothing writes there any more.
  pen: async ({ scratch: _ }, use) => {
    const parent = process.env[ROOT_VARIABLE]
    const pen = openPen(parent ? { parent } : {})
    await use(pen)
    await pen.end()
  },
  corral: async ({ pen }, use) => {
    const corral = await openCorral({ root: pen.room('root') })
    await use(corral)
    await corral.close()
  },
})
