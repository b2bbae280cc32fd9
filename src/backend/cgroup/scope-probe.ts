// The program by which `corral doctor` asks systemd for a scope, because systemd moves the process that asks: prints as JSON what it
// was given, and what can be done in it.

import { loadNative } from '../../native/addon.js'
import { probeRoot, type RootFacts } from './probe.js'
import { type RootSearch, searchRootAndAsk, vacateRoot } from './root.js'

export interface ScopeProbe {
  search: RootSearch
  /** Absent without a root. */
  kernel?: RootFacts
}

async function probe(): Promise<ScopeProbe> {
  const native = loadNative()
  const search = await searchRootAndAsk(native, { systemd: true })
  const root = search.chosen?.path
  if (root === undefined) return { search }
  vacateRoot(root)
  return { search, kernel: await probeRoot(native, root) }
}

process.stdout.write(JSON.stringify(await probe()))
