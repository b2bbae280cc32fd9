// Made by native/language.mjs, which says what each of these is: change that, and run it.

export const PROTOCOL = 3

/** Kinds of messages: native/core/message.h. */
export const KIND = {
  startReaper: 1,
  collect: 2,
  endAll: 3,
  spawn: 4,
  end: 5,
  keeperReady: 6,
  clean: 7,
  reaperReady: 8,
  started: 9,
  refused: 10,
  exited: 11,
  ended: 12,
  labels: 13,
  door: 14,
  endRequested: 15,
  entered: 16,
  left: 17,
  show: 18,
  join: 19,
  shown: 20,
  joined: 21,
  out: 22,
  cancel: 23,
  stopped: 24,
  guardReady: 25,
  instanceMade: 26,
  movedIn: 27,
  removeInstance: 28,
  handedOver: 29,
  record: 30,
  recorded: 31,
} as const

export type Kind = keyof typeof KIND

/** The values of a message, by its kind, in their order. */
const ORDERED = {
  end: ['graceMs', 'killMs'],
  keeperReady: ['pid'],
  clean: ['empty'],
  reaperReady: ['pid', 'mark'],
  started: ['pid'],
  exited: ['code', 'signal'],
  ended: ['empty'],
  door: ['high', 'low'],
  entered: ['pid'],
  join: ['pid'],
  cancel: ['error'],
  stopped: ['signal'],
} as const
export const VALUES: { readonly [Name in Kind]?: readonly string[] } = ORDERED

/** The same by their names. */
export type Values = {
  [Name in Kind]: Record<Name extends keyof typeof ORDERED ? (typeof ORDERED)[Name][number] : never, number>
}

export const CORRAL = 'corral'
export const SESSIONS = 'sessions'
export const WARDEN = 'warden'
export const LEAF = 'agent'
export const INSIDE = 'in'
export const SUPERVISOR = 'supervisor'
export const PID_LABEL = 'user.corral.pid'
export const COMMAND_LABEL = 'user.corral.command'
export const PROGRAM_LABEL = 'user.corral.program'
export const LIVED_LABEL = 'user.corral.lived'
export const MODE_LABEL = 'user.corral.mode'
export const KEY_LABEL = 'user.corral.key'
export const KILLED_LABEL = 'user.corral.killed'
export const MEMORY_LABEL = 'user.corral.memory'
export const LEADER_LABEL = 'user.corral.leader'
export const QUOTA_LABEL = 'user.corral.quota'
export const ONESHOT_COMPLETE = 'oneshot-complete'
export const CLOSED = 'closed'
export const TIMEOUT = 'timeout'
export const MEMORY_LIMIT = 'memory-limit'
export const KILLED_FROM_OUTSIDE = 'corral-kill'
export const HOLDER_KILLED = 'holder-killed'
export const GATEWAY_GONE = 'gateway-gone'
export const GUARD_TITLE = 'corral-guard'
export const KEEPER_TITLE = 'corral-keeper'
export const REAPER_TITLE = 'corral-holder'
export const DOOR_PREFIX = 'corral-door-'

/** Exit statuses of the warden: of a command line, and of a protocol, that it does not know. */
export const STATUS = { usage: 2, protocol: 3 } as const
