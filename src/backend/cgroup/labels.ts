// The extended attributes that Corral leaves on its directories: hints for people and other programs, never
// trusted for anything: a session can write those of its own (user.* attributes on cgroupfs: Linux 5.7).

/** Of an instance: its owner's pid, as the owner saw it. */
export const PID_LABEL = 'user.corral.pid'
/** Of an instance or a session: the command line. */
export const COMMAND_LABEL = 'user.corral.command'
/** Of a session: oneshot or persistent. */
export const MODE_LABEL = 'user.corral.mode'
/** Of a session's family: the key, where that is too long for a name. Believed only when its digest is the name. */
export const KEY_LABEL = 'user.corral.key'
/** Of a session: set by who ends it from outside, to have its owner look at claim.ts. Owners of version 0.1.0 go by its value. */
export const KILLED_LABEL = 'user.corral.killed'
/** Of an instance: the v1 memory cgroup of its sessions. */
export const MEMORY_LABEL = 'user.corral.memory'
