// What the addon is told about a process to start, as one string: taking a string over is one step for the event loop,
// where an object of strings would be a hundred.

/** A child's descriptor: one of the caller's, /dev/null, a UNIX socket pair, a pipe(2) the child reads or writes, or closed. */
export type NativeStdio = number | 'ignore' | 'socket' | 'pipe-in' | 'pipe-out' | 'none'

export interface NativeProcessPlan {
  command: string
  argv: readonly string[]
  /** `NAME=value` strings; absent: the caller's environment. */
  env?: readonly string[] | undefined
  cwd?: string | undefined
  stdio: readonly NativeStdio[]
  detached?: boolean | undefined
  /** A program of ours, or none: it goes before others, and finds room where these hang. */
  urgent?: boolean | undefined
  uid?: number | undefined
  gid?: number | undefined
  /**
   * What it begins with as the process `pid` did, which had what attributes() tells; absent: as a new program. Its command
   * and arguments are then those that the reader of the plan has of its own.
   */
  inherited?: { ignored: bigint; blocked: bigint; pid: number; attributes: string } | undefined
}

/**
 * The steps in the making of a group, four fields each: kind, path, value, name. A `shared` directory may exist already.
 * A `write` is refused with ERANGE when the kernel then holds more than it was asked to; a `try` is left out where there is
 * no such file, and has the name by which `corral run` says so, or none. A `label` is an extended attribute. Steps are strings, to be put one behind the other.
 */
export const step = {
  newDirectory: (path: string) => `new\0${path}\0\0\0`,
  sharedDirectory: (path: string) => `shared\0${path}\0\0\0`,
  write: (path: string, value: string) => `write\0${path}\0${value}\0\0`,
  tryWrite: (path: string, value: string, name = '') => `try\0${path}\0${value}\0${name}\0`,
  label: (path: string, name: string, value: string) => `label\0${path}\0${value}\0${name}\0`,
}

function counted(list: readonly (string | number)[]): string {
  let fields = `${list.length}\0`
  for (const field of list) fields += `${field}\0`
  return fields
}

/** Where a process is started: `make` are `step`s to do first; all are undone when one of them, or the spawn, fails. */
export interface NativeGroup {
  /** Directory of the cgroup to be born in. */
  group: string
  /** Directory of the v1 memory cgroup to enter before exec. */
  memoryGroup?: string | undefined
  make: string
  /** Go the way of kernels and seccomp filters that refuse clone3. */
  noClone3: boolean
  /** It bears the group's mark as a login uid, too. */
  loginMark?: boolean
}

/** Fields, each ended by a NUL: native/core/plan.h has the order. No field may have a NUL in it. */
export function packPlan(plan: NativeProcessPlan, group?: NativeGroup): string {
  const { detached, env, urgent, uid = '', gid = '', cwd = '', inherited } = plan
  const flags =
    (detached ? 'd' : '') +
    (group?.noClone3 ? 'n' : '') +
    (group?.loginMark ? 'l' : '') +
    (env ? 'e' : '') +
    (urgent ? 'u' : '') +
    (inherited ? `a:${inherited.ignored},${inherited.blocked},${inherited.pid}${inherited.attributes}` : '')
  const head = `${flags}\0${uid}\0${gid}\0${cwd}\0${group?.group ?? ''}\0${group?.memoryGroup ?? ''}\0${plan.command}\0`
  return (
    head +
    (inherited ? '' : counted(plan.argv)) +
    counted(plan.stdio) +
    (env ? counted(env) : '') +
    (group?.make ?? '')
  )
}
