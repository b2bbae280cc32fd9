// Where cgroup v2 is mounted and where in it a process is, read from the texts of different hosts.
import { describe, expect, test } from 'vitest'
import {
  directoryOf,
  findCgroupMounts,
  parseCgroupMounts,
  parseOwnCgroup,
} from '../../../src/linux/mounts.js'

const lines = (...text: string[]) => `${text.join('\n')}\n`

const UNIFIED = lines(
  '22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw',
  '28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
  '30 29 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot',
)

const HYBRID = lines(
  '31 30 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:4 - tmpfs tmpfs ro,size=4096k,mode=755',
  '32 31 0:28 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:5 - cgroup2 cgroup2 rw,nsdelegate',
  '33 31 0:29 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:6 - cgroup cgroup rw,xattr,name=systemd',
  '34 31 0:30 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:7 - cgroup cgroup rw,memory',
)

const CONTAINER = lines(
  '1203 1202 0:27 /system.slice/docker-4f.scope /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate',
  '1204 1202 0:27 /system.slice/docker-4f.scope/child /my\\040cgroup\\134\\011x rw,relatime - cgroup2 cgroup rw',
)

describe('the cgroup2 mounts', () => {
  test('of a unified host are the one', () => {
    expect(parseCgroupMounts(UNIFIED)).toEqual([{ point: '/sys/fs/cgroup', root: '/', writable: true }])
  })

  test('of a hybrid host are those of v2 alone, not those of v1', () => {
    expect(parseCgroupMounts(HYBRID)).toEqual([
      { point: '/sys/fs/cgroup/unified', root: '/', writable: true },
    ])
  })

  test('of a container show a part of the hierarchy, with octal escapes undone', () => {
    expect(parseCgroupMounts(CONTAINER)).toEqual([
      { point: '/sys/fs/cgroup', root: '/system.slice/docker-4f.scope', writable: false },
      { point: '/my cgroup\\\tx', root: '/system.slice/docker-4f.scope/child', writable: true },
    ])
  })

  test.each([
    ['the mount', 'ro,nosuid', 'rw,nsdelegate'],
    ['the file system', 'rw,nosuid', 'ro,nsdelegate'],
    ['both', 'nosuid,ro', 'nsdelegate,ro'],
  ])('are read-only where %s is', (_, mount, superblock) => {
    const text = `30 29 0:26 / /sys/fs/cgroup ${mount} shared:4 - cgroup2 cgroup2 ${superblock}\n`
    expect(parseCgroupMounts(text)).toMatchObject([{ writable: false }])
  })

  test('are not read-only for an option that only has "ro" in it', () => {
    const text = '30 29 0:26 / /sys/fs/cgroup rw,noatime,errors=remount-ro - cgroup2 cgroup2 rw,proto\n'
    expect(parseCgroupMounts(text)).toMatchObject([{ writable: true }])
  })

  test('are found behind any number of optional fields', () => {
    const text =
      '30 29 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 propagate_from:2 unbindable - cgroup2 none rw\n'
    expect(parseCgroupMounts(text)).toEqual([{ point: '/sys/fs/cgroup', root: '/', writable: true }])
  })

  test('are not mistaken for what is only called so', () => {
    const text = lines(
      '30 29 0:26 / /mnt/cgroup2 rw - ext4 cgroup2 rw',
      '31 29 0:27 /cgroup2 /cgroup2 rw - tmpfs cgroup2 rw',
    )
    expect(parseCgroupMounts(text)).toEqual([])
  })

  test('are none in an empty text', () => {
    expect(parseCgroupMounts('')).toEqual([])
  })

  test('are those of v1 with a controller, if that is asked for', () => {
    const text = lines(
      '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
      '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory',
      '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    )
    expect(parseCgroupMounts(text, 'memory')).toEqual([
      { point: '/sys/fs/cgroup/memory', root: '/docker/abc', writable: false },
    ])
    expect(parseCgroupMounts(text, 'cpuacct')).toHaveLength(1)
    expect(parseCgroupMounts(text, 'cpuset')).toEqual([])
  })
})

describe('the cgroup of this process', () => {
  test('stands after 0::', () => {
    expect(parseOwnCgroup('0::/user.slice/user-1000.slice\n')).toBe('/user.slice/user-1000.slice')
  })

  test('stands among those of v1 on a hybrid host', () => {
    expect(parseOwnCgroup(lines('8:memory:/a', '1:name=systemd:/b', '0::/c:d'))).toBe('/c:d')
    expect(parseOwnCgroup(lines('10::/not', '0::/'))).toBe('/')
  })

  test('is not there where there is only v1', () => {
    expect(parseOwnCgroup(lines('8:memory:/a', '1:name=systemd:/b'))).toBeUndefined()
    expect(parseOwnCgroup('')).toBeUndefined()
  })

  test('is in a hierarchy of v1 what the line with that controller says, whole words only', () => {
    const text = lines('9:cpuset:/c', '8:cpu,cpuacct:/a:b', '7:memory:/m', '1:name=systemd:/s', '0::/')
    expect(parseOwnCgroup(text, 'memory')).toBe('/m')
    expect(parseOwnCgroup(text, 'cpu')).toBe('/a:b')
    expect(parseOwnCgroup(text, 'pids')).toBeUndefined()
  })
})

describe('the directory of a cgroup', () => {
  const mount = (root: string, point = '/sys/fs/cgroup') => ({ root, point, writable: true })

  test('is below a mount of the whole hierarchy', () => {
    expect(directoryOf(mount('/'), '/')).toBe('/sys/fs/cgroup')
    expect(directoryOf(mount('/'), '/a/b')).toBe('/sys/fs/cgroup/a/b')
    expect(directoryOf(mount('/', '/sys/fs/cgroup/unified'), '/a')).toBe('/sys/fs/cgroup/unified/a')
  })

  test('is below a mount of a part that it is in', () => {
    expect(directoryOf(mount('/a/b'), '/a/b')).toBe('/sys/fs/cgroup')
    expect(directoryOf(mount('/a/b'), '/a/b/c')).toBe('/sys/fs/cgroup/c')
  })

  test('is not shown by a mount of another part', () => {
    expect(directoryOf(mount('/a/b'), '/a')).toBeUndefined()
    expect(directoryOf(mount('/a/b'), '/')).toBeUndefined()
    expect(directoryOf(mount('/a/b'), '/a/bc')).toBeUndefined()
    expect(directoryOf(mount('/a/b'), '/x')).toBeUndefined()
  })

  test('can have a name that begins with dots', () => {
    expect(directoryOf(mount('/'), '/..a')).toBe('/sys/fs/cgroup/..a')
    expect(directoryOf(mount('/a'), '/a/...')).toBe('/sys/fs/cgroup/...')
  })

  // cgroup_namespaces(7): what lies outside the namespace is written with /.. in front
  test('is not known where the mount shows more than our cgroup namespace does', () => {
    expect(directoryOf(mount('/..'), '/')).toBeUndefined()
    expect(directoryOf(mount('/../../..'), '/a')).toBeUndefined()
  })

  test('is not known where the process itself is outside of its cgroup namespace', () => {
    expect(directoryOf(mount('/'), '/../other')).toBeUndefined()
  })
})

describe('the place of this process', () => {
  test('is what the kernel says of it', () => {
    const { mounts, own } = findCgroupMounts()
    expect(mounts.length).toBeGreaterThan(0)
    for (const { point } of mounts) expect(point).toMatch(/^\//)
    expect(own).toMatch(/^\//)
  })
})
