// The events of an instance: emitted by its Corral and published on node:diagnostics_channel.
import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { GuardEvent, LimitHit, Pressure, SweepReport } from '../backend/facts.js'
import { emit } from '../common/emit.js'
import type { SessionReport } from './report.js'
import type { AnySession } from './session.js'

export interface CorralEvents {
  spawn: [session: AnySession]
  /** A session has ended. */
  close: [report: SessionReport, session: AnySession]
  /** A session met one of its limits. */
  limit: [hit: LimitHit, session: AnySession]
  /** Processes of a session have to wait for memory. */
  pressure: [pressure: Pressure, session: AnySession]
  /** A session could not be ended. Its directory is left. */
  stuck: [error: Error, session: AnySession]
  sweep: [report: SweepReport]
  /** The guard, which ends all sessions when this process dies, has itself died, or was replaced. */
  guard: [event: GuardEvent]
}

/** Published on node:diagnostics_channel, with the arguments of the event of the same name. */
const channels = {
  spawn: channel('corral:spawn'),
  close: channel('corral:close'),
  limit: channel('corral:limit'),
  pressure: channel('corral:pressure'),
  stuck: channel('corral:stuck'),
  sweep: channel('corral:sweep'),
  guard: channel('corral:guard'),
}

/** Tells listeners and subscribers of an instance of one event. */
export function tell<Name extends keyof CorralEvents>(
  corral: EventEmitter<CorralEvents>,
  name: Name,
  ...args: CorralEvents[Name]
): void {
  if (channels[name].hasSubscribers) channels[name].publish({ corral, args })
  emit(corral, name, ...args)
}
