// With which errors each call is made to fail: those that its manual page has, and that a program which is right can meet.
import { constants } from 'node:os'

const OPENING = ['EACCES', 'ENOENT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EINTR']
const DESCRIPTOR = ['EMFILE', 'ENFILE', 'ENOMEM']

/** By the call; those of cgroupfs are in here too (ENODEV: the group is going). */
const ERRNOS = {
  open: OPENING,
  openat: OPENING,
  opendir: OPENING,
  scandir: ['EACCES', 'ENOENT', 'EMFILE', 'ENOMEM'],
  access: ['EACCES', 'ENOENT'],
  faccessat: ['EACCES', 'ENOENT'],
  stat: ['EACCES', 'ENOENT', 'ENOMEM'],
  statfs64: ['EACCES', 'EINTR'],
  fstat: ['ENOMEM'],
  mkdir: ['EACCES', 'ENOSPC', 'EAGAIN', 'ENOENT', 'EROFS', 'ENOMEM'],
  rmdir: ['EBUSY', 'ENOENT', 'EACCES', 'EROFS'],
  unlinkat: ['EBUSY', 'ENOENT', 'EACCES'],
  setxattr: ['ENOSPC', 'EOPNOTSUPP', 'EACCES', 'ENOENT'],
  getxattr: ['EACCES', 'ENOENT'],
  read: ['ENODEV', 'EIO', 'EINTR'],
  pread: ['ENODEV', 'EIO', 'EINTR'],
  pread64: ['ENODEV', 'EIO', 'EINTR'],
  write: ['EACCES', 'EBUSY', 'ENODEV', 'EINVAL', 'EINTR', 'EAGAIN'],
  flock: ['EINTR', 'ENOLCK'],
  lseek: ['ENODEV'],
  getdents64: ['ENOENT', 'EIO'],
  fcntl: ['EMFILE'],
  socketpair: DESCRIPTOR,
  pipe2: DESCRIPTOR,
  memfd_create: DESCRIPTOR,
  epoll_create1: DESCRIPTOR,
  eventfd: DESCRIPTOR,
  inotify_init1: ['EMFILE', 'ENOMEM'],
  inotify_add_watch: ['ENOSPC', 'ENOMEM', 'ENOENT', 'EACCES'],
  epoll_ctl: ['ENOSPC', 'ENOMEM'],
  epoll_wait: ['EINTR'],
  poll: ['EINTR', 'ENOMEM'],
  sendmsg: ['EAGAIN', 'EINTR', 'ENOBUFS', 'EPIPE', 'ETOOMANYREFS'],
  recvmsg: ['EINTR'],
  waitid: ['EINTR'],
  mmap: ['ENOMEM'],
  malloc: ['ENOMEM'],
  calloc: ['ENOMEM'],
  realloc: ['ENOMEM'],
  pthread_create: ['EAGAIN'],
  clone: ['EAGAIN', 'ENOMEM', 'EMFILE', 'EPERM'],
  pidfd_open: ['EMFILE', 'ENOMEM', 'ESRCH'],
  pidfd_send_signal: ['EPERM', 'ESRCH'],
  "child's openat": ['EACCES', 'ENOENT', 'EMFILE'],
  "child's write": ['EAGAIN', 'EACCES', 'EBUSY', 'ENODEV'],
  "child's setsid": ['EPERM'],
  "child's fcntl": ['EMFILE'],
  "child's dup3": ['EBUSY', 'EINTR'],
  "child's chdir": ['EACCES', 'ENOENT'],
  "child's close_range": ['ENOSYS', 'EINVAL'],
  "child's execve": ['EACCES', 'ENOENT', 'ENOMEM', 'E2BIG', 'ETXTBSY'],
}

/** Of calls on what is no file. */
const OTHERWISE = {
  'read eventfd': [],
  'read inotify': [], // libuv aborts
  'write eventfd': [],
  'read socketpair': ['EINTR'],
  'write socketpair': ['EINTR', 'EAGAIN', 'ENOBUFS', 'EPIPE'],
}

// One label, or a poll of one descriptor, that cannot be had for good: nothing could be done with that.
const PASSING = ['getxattr', 'poll']

/** Whether a call with that label may fail again and again; an operation that waits for nothing else would wait for ever. */
export const canLast = (label, errno) => errno !== 'EINTR' && !PASSING.includes(callOf(label))

/** The call of a label, which is `CALL WHAT`. */
export const callOf = (label) => /^(child's )?\w+/.exec(label)[0]

/** The names of a call's errors; @throws for a call that has none here. */
export function errnosOf(label) {
  const names = OTHERWISE[label] ?? ERRNOS[callOf(label)]
  if (!names) throw new Error(`test/chaos/faults/errnos.mjs does not know '${label}'`)
  return names
}

export const numberOf = (name) =>
  constants.errno[name] ?? { ENFILE: 23, EROFS: 30, ENOLCK: 37, ETOOMANYREFS: 109 }[name]
