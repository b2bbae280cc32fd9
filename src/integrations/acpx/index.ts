/**
 * For programs that embed acpx (acpx/runtime), and for ACP clients whose agents want terminals.
 * @module acpx
 */
export { type AcpxContainment, type AcpxOptions, containAcpx } from './containment.js'
export type { SessionRules } from './sessions.js'
export { SessionTerminals } from './terminals.js'
