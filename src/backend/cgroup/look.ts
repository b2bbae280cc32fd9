// Finds the root that sessions would be built in, and what the kernel can do there. Where only systemd could give one, a
// process of our own asks it for a scope, and is over afterwards: this process is not moved.
import path from 'node:path'
import { promisify } from 'node:util'
import { childProcess } from '../../common/builtins.js'
import { type Native, packageDirectory } from '../../native/addon.js'
import { probeRoot, type RootFacts } from './probe.js'
import { type RootCandidate, type RootSearch, searchRootToBuildIn } from './root.js'
import type { ScopeProbe } from './scope-probe.js'

export interface Look {
  search: RootSearch
  /** Absent without a root, and where nothing can be made in it. */
  kernel?: RootFacts
  /** Why nothing can. */
  refused?: string
}

export async function look(native: Native, explicit: string | undefined): Promise<Look> {
  const search = await searchRootToBuildIn(native, explicit)
  const root = search.chosen?.path
  if (root === undefined) return explicit === undefined ? lookInScope(search) : { search }
  try {
    return { search, kernel: await probeRoot(native, root) }
  } catch (error) {
    return { search, refused: (error as Error).message }
  }
}

// systemd has longer limits for each call (cgroup/busctl.ts)
const PROBE_MS = 60_000

async function lookInScope(search: RootSearch): Promise<ScopeProbe> {
  const program = path.join(packageDirectory(), 'dist/backend/cgroup/scope-probe.js')
  try {
    const limits = { timeout: PROBE_MS, killSignal: 'SIGKILL' } as const
    const { stdout } = await promisify(childProcess().execFile)(process.execPath, [program], limits)
    return JSON.parse(stdout) as ScopeProbe
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim() || (error as Error).message
    const failed: RootCandidate = { kind: 'systemd', path: undefined, usable: false, why }
    return { search: { candidates: [...search.candidates, failed], chosen: undefined } }
  }
}
