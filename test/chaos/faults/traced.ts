// corral-warden with one of its system calls failing, by strace(1): it is static, so nothing can be preloaded.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** With what each system call fails; those that are not here cannot, or are not the warden's (execve of the command). */
const ERRNOS: Record<string, readonly string[]> = {
  openat: ['EMFILE', 'EACCES', 'ENOMEM'],
  open: ['EMFILE', 'EACCES', 'ENOMEM'],
  mkdir: ['ENOSPC', 'EACCES'],
  rmdir: ['EBUSY', 'EACCES'],
  unlinkat: ['EBUSY'],
  read: ['EIO', 'EINTR'],
  pread64: ['ENODEV', 'EIO'],
  write: ['EBUSY', 'EACCES'],
  poll: ['EINTR', 'ENOMEM'],
  ppoll: ['EINTR'],
  flock: ['EINTR', 'ENOLCK'],
  fstat: ['ENOMEM'],
  newfstatat: ['ENOMEM'],
  getdents64: ['EIO'],
  setxattr: ['ENOSPC'],
  getxattr: ['EACCES'],
  socketpair: ['EMFILE'],
  pipe2: ['EMFILE'],
  signalfd4: ['EMFILE'],
  recvfrom: ['EINTR'],
  sendto: ['ENOBUFS'],
  fork: ['EAGAIN'],
  clone: ['EAGAIN'],
  clone3: ['EAGAIN', 'ENOMEM', 'EBUSY', 'EMFILE', 'ENOSYS', 'EPERM'],
  mmap: ['ENOMEM'],
  dup2: ['EBUSY'],
  pidfd_open: ['EMFILE'],
  wait4: ['EINTR'],
  waitid: ['EINTR'],
  setsid: ['EPERM'],
  chdir: ['ENOENT'],
}

// Of calls that are the same but for their time, so many fail.
const FIRST = 12

export interface Injection {
  words: string
  /** strace's option. */
  option: string
}

export const hasStrace = () => spawnSync('strace', ['-V']).status === 0

/** Each call of a log of strace's made to fail with each of its errors. In a log of several processes: of any of them. */
export function injectionsOf(log: string): Injection[] {
  const counts = new Map<string, number>()
  for (const [, pid = '', call = ''] of readFileSync(log, 'utf8').matchAll(/^(\d+ +)?(\w+)\(/gm))
    counts.set(`${pid}${call}`, (counts.get(`${pid}${call}`) ?? 0) + 1)
  const most = new Map<string, number>()
  for (const [key, count] of counts) {
    const call = key.replace(/^\d+ +/, '')
    most.set(call, Math.max(most.get(call) ?? 0, count))
  }
  return [...most].flatMap(([call, count]) =>
    (ERRNOS[call] ?? []).flatMap((errno) =>
      Array.from({ length: Math.min(count, FIRST) }, (_, index) => ({
        words: `${call} #${index + 1}: ${errno}`,
        option: `inject=${call}:error=${errno}:when=${index + 1}`,
      })),
    ),
  )
}
