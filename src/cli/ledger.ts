// The ledger of a command: --ledger.
import { Ledger, type LedgerPlan } from '../backend/ledger.js'
import { Log } from '../common/log.js'
import { loadNative } from '../native/addon.js'
import { complainOf } from './output.js'

/** What cannot be written into it is told, and is no failure. */
export function openLedger(plan: LedgerPlan): Promise<Ledger> {
  const silent = () => undefined
  const warn = (data: object) => complainOf((data as { err: unknown }).err)
  return Ledger.open(loadNative(), plan, new Log({ debug: silent, info: silent, warn, error: silent }))
}
