// What `corral doctor` says to do, done: a guest is booted, and made, so that guarantees do not hold, then as the fixes say, and they
// hold. What systemd and root do for a unit or a user is tried in test/hosts/systemd/fixes.test.ts and test/kernel/doctor/remedy.test.ts.
import { deepStrictEqual } from 'node:assert'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const at = (file) => fileURLToPath(new URL(file, import.meta.url))
const SYSTEMD = ['-s', 'bookworm']
const V1 = 'systemd.unified_cgroup_hierarchy=0'

/** By host: options of test/vm/run, words that it is booted with, what root does there, and the guarantees that do not hold then. */
const HOSTS = {
  'controllers were turned off': {
    boot: ['cgroup_disable=memory,cpu', 'cgroup_disable=pids'],
    ids: ['memory', 'pids', 'cpu'],
  },
  'controllers are of v1': { guest: SYSTEMD, boot: [V1], ids: ['pids', 'cpu'] },
  'there is no v2': {
    guest: SYSTEMD,
    boot: [V1, 'systemd.legacy_systemd_cgroup_controller=1'],
    ids: ['held', 'memory', 'pids', 'cpu'],
  },
  'cgroupfs is read-only': {
    commands: ['mount -o remount,ro /sys/fs/cgroup'],
    ids: ['held', 'memory', 'pids', 'cpu'],
  },
  'cgroupfs is not mounted': {
    commands: ['umount -l /sys/fs/cgroup'],
    ids: ['held', 'memory', 'pids', 'cpu'],
  },
  'a user has few watches': { commands: ['sysctl -qw fs.inotify.max_user_watches=100'], ids: ['watches'] },
  'a user has no watch': { commands: ['sysctl -qw fs.inotify.max_user_instances=0'], ids: ['watches'] },
}

const withoutController = (word, controller) => {
  const [name, value = ''] = word.split('=')
  const left = value.split(',').filter((one) => one !== controller)
  return left.length > 0 ? `${name}=${left}` : ''
}

/** By what a fix says: the host that it makes of one. */
const FIXES = [
  [
    /^It was turned off at boot: take (\w+) out of cgroup_disable= on the kernel's command line and reboot/,
    (host, controller) => ({
      ...host,
      boot: host.boot.map((word) => withoutController(word, controller)).filter(Boolean),
    }),
  ],
  [
    /^Boot with (\S+ \S+): add it to GRUB_CMDLINE_LINUX/,
    (host, words) => ({ ...host, boot: words.split(' ') }),
  ],
  [
    /^((?:mount|sysctl) .*?)(?: \(|, and the same in |$)/,
    ({ commands, ...host }, command) => ({ ...host, commands: [...new Set([...commands, command])] }),
  ],
]

function fixed(host, fix) {
  for (const [pattern, apply] of FIXES) {
    const found = pattern.exec(fix)
    if (found) return apply(host, found[1])
  }
  throw new Error(`no fix that can be applied: ${fix}`)
}

/** What is said of the host's guarantees in such a guest. */
async function findingsIn({ guest = [], boot, commands, ids }) {
  const script = [...commands.map((command) => `${command} >&2`), 'exec "$0" "$@"'].join(' && ')
  const doctor = ['sh', '-c', script, process.execPath, at('../../dist/cli/main.js'), 'doctor', '--json']
  const words = [...guest, '-c', boot.join(' '), '--', ...doctor]
  const { stdout } = await promisify(execFile)(at('run'), words).catch(
    (failed) => (failed.stdout ? failed : Promise.reject(failed)), // a FAIL ends it with 1
  )
  return JSON.parse(stdout).findings.filter(({ id }) => ids.includes(id))
}

for (const [name, given] of Object.entries(HOSTS)) {
  const host = { boot: [], commands: [], ...given }
  const before = await findingsIn(host)
  deepStrictEqual(
    [before.length, before.filter(({ verdict }) => verdict === 'PASS')],
    [host.ids.length, []],
    name,
  )
  const instead = before.map(({ fix }) => fix).reduce(fixed, host)
  const after = await findingsIn(instead)
  deepStrictEqual(
    after.map(({ id, verdict }) => `${id} ${verdict}`).sort(),
    host.ids.map((id) => `${id} PASS`).sort(),
    name,
  )
  const did = [...instead.commands.slice(host.commands.length), `booted with [${instead.boot.join(' ')}]`]
  console.log(`${name}: ${host.ids.join(', ')} pass once ${did.join(', ')}`)
}
