// Made by native/language.mjs: change that, and run it.

export const PROTOCOL = 3

/** Kinds of messages: native/core/message.h. */
export const KIND = {
  /** gateway to keeper: start a reaper; descriptor: its end of the lifeline */
  startReaper: 1,
  /** gateway to keeper: answer `clean` when no lost property is left */
  collect: 2,
  /** gateway to keeper: end all and exit */
  endAll: 3,
  /** gateway to reaper: start a process; descriptors: its plan, then the caller's that the plan names */
  spawn: 4,
  /**
   * gateway or visitor to reaper: end all, and exit when that is done; `id`: of a gateway the signal that
   * asks (0: SIGTERM), of a visitor its protocol; a negative `graceMs` is time for draining
   */
  end: 5,
  /** keeper to gateway; descriptor: its pidfd */
  keeperReady: 6,
  /** keeper to gateway: `killed`, `names` and `left` since the last one */
  clean: 7,
  /** reaper to gateway; descriptor: its pidfd; `mark` (mark.h) 0: none */
  reaperReady: 8,
  /** reaper to gateway: `id` of the request; descriptor: the pidfd */
  started: 9,
  /** the process that was asked: `id` of the request, or its own protocol, and the error */
  refused: 10,
  /** reaper to gateway: `id` of the request that started it; `code` -1: a signal */
  exited: 11,
  /** reaper: `killed`, `names`, `left` and the CPU time of all; where nothing is left it exits */
  ended: 12,
  /** gateway to reaper; descriptor: the text that its door shows */
  labels: 13,
  /** reaper to gateway: the two halves of its door's name (door.h); 0: there is none */
  door: 14,
  /** reaper to gateway: a visitor has it end all */
  endRequested: 15,
  /**
   * reaper to gateway: `id` of who came in, and the pid of its reaper; descriptor: pidfd of its keeper.
   * Both as the kernel says them: what a visitor says of a pid, or sends for a pidfd, is not believed
   */
  entered: 16,
  /** `id`: its command has ended; what that left may live */
  left: 17,
  /** visitor to reaper: answer `shown`; `id`: its protocol */
  show: 18,
  /**
   * visitor to reaper: answer `joined`; `id`: its protocol, `pid`: of a reaper that is a child of the
   * process that connected, its keeper. It is told `end`, says `left` and `ended`, and ends all when the
   * connection ends. Descriptor: pidfd of its keeper, which only reapers of older releases look at
   */
  join: 19,
  /**
   * reaper to visitor; `id`: its protocol; descriptor: the text, if any; `left`: the reapers that have
   * joined
   */
  shown: 20,
  /** reaper to visitor; `id`: its protocol */
  joined: 21,
  /**
   * reaper to gateway: `id` of who came in: the connection has ended, so nothing of it is held any more
   */
  out: 22,
  /** gateway to reaper: `id` of a `spawn`; `error`: errno of the `refused` that answers it */
  cancel: 23,
  /** reaper to gateway: `id` of the request that started it */
  stopped: 24,
  /** guard to gateway: from now on a death of the gateway leaves nothing */
  guardReady: 25,
  /** gateway to guard: the instance stands, move in */
  instanceMade: 26,
  /** guard to gateway: out of your process tree; descriptor: its pidfd */
  movedIn: 27,
  /** gateway to guard: end and remove the instance */
  removeInstance: 28,
  /** guard to gateway, last; descriptor: pidfd of the process that removes the rest */
  handedOver: 29,
  /**
   * gateway to reaper: write the session's line where the gateway is gone before it has; descriptor: the
   * words of it (record.h)
   */
  record: 30,
  /** gateway to reaper: the line is written, or none is to be */
  recorded: 31,
} as const

export type Kind = keyof typeof KIND

/** The values of a message, by its kind. */
export interface Values {
  startReaper: Record<never, number>
  collect: Record<never, number>
  endAll: Record<never, number>
  spawn: Record<never, number>
  end: { graceMs: number; killMs: number }
  keeperReady: { pid: number }
  clean: { empty: number }
  reaperReady: { pid: number; mark: number }
  started: { pid: number }
  refused: Record<never, number>
  exited: { code: number; signal: number }
  ended: { empty: number }
  labels: Record<never, number>
  door: { high: number; low: number }
  endRequested: Record<never, number>
  entered: { pid: number }
  left: Record<never, number>
  show: Record<never, number>
  join: { pid: number }
  shown: Record<never, number>
  joined: Record<never, number>
  out: Record<never, number>
  cancel: { error: number }
  stopped: { signal: number }
  guardReady: Record<never, number>
  instanceMade: Record<never, number>
  movedIn: Record<never, number>
  removeInstance: Record<never, number>
  handedOver: Record<never, number>
  record: Record<never, number>
  recorded: Record<never, number>
}

/** Their order. */
export const VALUES: { readonly [Name in Kind]?: readonly string[] } = {
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
}

/** Below the root: all that is ours */
export const CORRAL = 'corral'
/** Below an instance: its sessions */
export const SESSIONS = 'sessions'
/** Below an instance: its guard */
export const WARDEN = 'warden'
/** Below a session: what its limits are of */
export const LEAF = 'agent'
/** Below that: its processes */
export const INSIDE = 'in'
/** Below the root: the gateway itself, where it sat in the root */
export const SUPERVISOR = 'supervisor'
/** Of an instance: its owner's pid, as the owner saw it */
export const PID_LABEL = 'user.corral.pid'
/** Of an instance or a session: the command line */
export const COMMAND_LABEL = 'user.corral.command'
/** Of a session: its command's name alone, for a ledger */
export const PROGRAM_LABEL = 'user.corral.program'
/**
 * Of a session: how many processes lived in it when its end began that its owner does not see, and the
 * names of the first of them, a line each
 */
export const LIVED_LABEL = 'user.corral.lived'
/** Of a session: oneshot or persistent */
export const MODE_LABEL = 'user.corral.mode'
/**
 * Of a session's family: the key, where that is too long for a name. Believed only when its digest is the
 * name
 */
export const KEY_LABEL = 'user.corral.key'
/**
 * Of a session: set by who ends it from outside, to have its owner look at claim.ts. Owners of version
 * 0.1.0 go by its value
 */
export const KILLED_LABEL = 'user.corral.killed'
/** Of an instance: the v1 memory cgroup of its sessions */
export const MEMORY_LABEL = 'user.corral.memory'
/** Of a session: who came into it first, for owners of version 0.1.0 */
export const LEADER_LABEL = 'user.corral.leader'
/** Of a group: the CPU quota that an ending has lifted (quota.h) */
export const QUOTA_LABEL = 'user.corral.quota'
/** Reasons for which sessions end: src/common/reasons.ts */
export const ONESHOT_COMPLETE = 'oneshot-complete'
/** The same */
export const CLOSED = 'closed'
/** The same */
export const TIMEOUT = 'timeout'
/** The same */
export const MEMORY_LIMIT = 'memory-limit'
/** The same */
export const KILLED_FROM_OUTSIDE = 'corral-kill'
/** The same */
export const HOLDER_KILLED = 'holder-killed'
/** The same */
export const GATEWAY_GONE = 'gateway-gone'
/** The title of a guard (prctl(2), PR_SET_NAME) */
export const GUARD_TITLE = 'corral-guard'
/** The title of a keeper */
export const KEEPER_TITLE = 'corral-keeper'
/** The title of a reaper */
export const REAPER_TITLE = 'corral-holder'
/** What the names of doors begin with (door.h) */
export const DOOR_PREFIX = 'corral-door-'

/** Exit statuses of the warden: of a command line, and of a protocol, that it does not know. */
export const STATUS = { usage: 2, protocol: 3 } as const
