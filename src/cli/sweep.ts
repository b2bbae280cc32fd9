// corral sweep: collects what dead gateways left.
import type { HoldingChoice, SweepReport } from '../backend/facts.js'
import { json } from '../common/text.js'
import { Observer } from '../observe/observer.js'
import { parseLedger } from '../session/options.js'
import { openLedger } from './ledger.js'
import { left, linesOf, type Outcome } from './output.js'

/** An error's message is none of the fields that JSON has. */
function plain<Failed extends { error: Error }>({ error, ...rest }: Failed) {
  return { ...rest, error: { ...error, message: error.message } }
}

/** Those that are not to be collected; `ending`: by their guards, or by another sweep. */
function others({ live, ending = [] }: SweepReport): string {
  return ending.length > 0 ? `${live.length} live, ${ending.length} ending` : `${live.length} live`
}

/** Status 1: something dead could not be collected. */
export async function sweep(options: {
  root?: string
  backend: HoldingChoice
  dryRun: boolean
  json: boolean
  ledger?: string
  ledgerArgs: boolean
}): Promise<Outcome> {
  const plan = parseLedger('--ledger', options.ledger, options.ledgerArgs)
  const ledger = plan && !options.dryRun ? await openLedger(plan) : undefined
  const report = await new Observer(options).sweep({ dryRun: options.dryRun }, ledger)
  const status = report.failed.length > 0 ? 1 : 0
  if (options.json) return { lines: linesOf(json({ ...report, failed: report.failed.map(plain) })), status }
  const verb = options.dryRun ? 'would collect' : 'collected'
  const lines = report.collected.map(
    ({ instance, sessions, processes }) =>
      `${verb} ${instance}: ${sessions} sessions, ${processes} processes`,
  )
  for (const { instance, error } of report.failed) lines.push(`failed ${instance}: ${error.message}`)
  if (lines.length === 0) lines.push(`nothing to collect (${others(report)})`)
  return { lines: [...lines, ...left(report.foreign ?? [])], status }
}
