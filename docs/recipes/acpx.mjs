import { createAcpRuntime } from 'acpx/runtime'
import { containAcpx } from 'corral/acpx'

/** A runtime of acpx whose agents are sessions of `corral`: one for each session key of acpx. */
export async function openRuntime(corral, options, rules) {
  const acpx = await containAcpx(corral, rules)
  const runtime = acpx.contain(createAcpRuntime(acpx.options(options)))
  return { runtime, close: () => acpx.close() }
}
