// corral sweep: collects what dead gateways left.
import { Observer } from '../observer.js'
import type { HoldingChoice } from '../options.js'
import { json } from './format.js'

/** An error's message is none of the fields that JSON has. */
function plain<Failed extends { error: Error }>({ error, ...rest }: Failed) {
  return { ...rest, error: { ...error, message: error.message } }
}

/** The text to print, and the exit status: 1 when something dead could not be collected. */
export async function sweep(options: {
  root?: string
  backend: HoldingChoice
  dryRun: boolean
  json: boolean
}): Promise<{ text: string; status: number }> {
  const report = await new Observer(options).sweep({ dryRun: options.dryRun })
  const status = report.failed.length > 0 ? 1 : 0
  if (options.json) return { text: json({ ...report, failed: report.failed.map(plain) }), status }
  const verb = options.dryRun ? 'would collect' : 'collected'
  const lines = report.collected.map(
    ({ instance, sessions, processes }) =>
      `${verb} ${instance}: ${sessions} sessions, ${processes} processes`,
  )
  for (const { instance, error } of report.failed) lines.push(`failed ${instance}: ${error.message}`)
  return { text: lines.join('\n') || `nothing to collect (${report.live.length} live)`, status }
}
