// What the addon is told about a process to start, as one string: taking a string over is one step for the event loop,
// where an object of strings would be a hundred.

/** A child's descriptor: one of the caller's, /dev/null, a UNIX socket pair, or a pipe(2) the child reads or writes. */
export type NativeStdio = number | 'ignore' | 'socket' | 'pipe-in' | 'pipe-out'

export interface NativeSpawnPlan {
  /** What to do first; all of it is undone when it, or the spawn, fails. A flat list of `step`s. */
  make?: string[]
  /** Directory of the cgroup to be born in; absent: the caller's own. */
  group?: string
  command: string
  argv: string[]
  /** `NAME=value` strings; absent: the caller's environment. */
  env?: string[] | undefined
  cwd?: string | undefined
  stdio: NativeStdio[]
  detached?: boolean | undefined
  uid?: number | undefined
  gid?: number | undefined
  /** Go the way of kernels and seccomp filters that refuse clone3. */
  noClone3?: boolean
}

/**
 * The steps in the making of a group, four fields each: kind, path, value, name. A `shared` directory may exist already.
 * A `write` is refused with ERANGE when the kernel then holds more than it was asked to. A `label` is an extended
 * attribute.
 */
export const step = {
  newDirectory: (path: string) => ['new', path, '', ''],
  sharedDirectory: (path: string) => ['shared', path, '', ''],
  write: (path: string, value: string) => ['write', path, value, ''],
  label: (path: string, name: string, value: string) => ['label', path, value, name],
}

/** Fields with a NUL between them: native/addon/jobs.h has the order. No field may have a NUL in it. */
export function packPlan(plan: NativeSpawnPlan): string {
  const flags = (plan.detached ? 'd' : '') + (plan.noClone3 ? 'n' : '') + (plan.env ? 'e' : '')
  const fields = [flags, plan.uid ?? '', plan.gid ?? '', plan.cwd ?? '', plan.group ?? '', plan.command]
  fields.push(plan.argv.length, ...plan.argv, plan.stdio.length, ...plan.stdio)
  if (plan.env) fields.push(plan.env.length, ...plan.env)
  if (plan.make) fields.push(...plan.make)
  return `${fields.join('\0')}\0`
}
