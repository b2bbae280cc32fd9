// The one directory below which the tests of a run build. What is still in it when the run is over was left
// behind.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testParent } from './cgroup-mount.js'
import { describeAll, makePen, type Pen } from './pen.js'

/** Tells the programs that tests start where to build. */
export const SUITE_ROOT_VARIABLE = 'CORRAL_TEST_SUITE_ROOT'

declare module 'vitest' {
  interface ProvidedContext {
    /** Empty where no cgroup can be made. */
    suiteRoot: string
  }
}

/** Its pens have all controllers that it has itself. Undefined where no cgroup can be made. */
export async function makeSuiteRoot(): Promise<Pen | undefined> {
  const parent = await testParent()
  if (parent === undefined) return undefined
  const suite = await makePen(parent, 'corral-test')
  const offered = (await readFile(join(suite.path, 'cgroup.controllers'), 'utf8'))
    .split(/\s+/)
    .filter(Boolean)
  for (const name of offered) await writeFile(join(suite.path, 'cgroup.subtree_control'), `+${name}`)
  return suite
}

/** Kills and removes all that is in it, and itself; rejects, naming it, if there was anything. */
export async function endSuiteRoot(suite: Pen): Promise<void> {
  const [processes, groups] = [await describeAll(await suite.everybody()), await suite.groups()]
  await suite.kill()
  await suite.remove()
  if (processes.length === 0 && groups.length === 0) return
  const named = [
    ...processes.map((process) => `  process ${process}`),
    ...groups.map((group) => `  group ${group}`),
  ]
  throw new Error(`the tests left behind (ended and removed now):\n${named.join('\n')}`)
}
