// The exact command or file, by host, for what several guarantees want: a cgroup to build in, and a controller in it.
import type { CgroupMount } from '../linux/mounts.js'
import type { HostFacts } from './host.js'

const WSL_CONFIG =
  'In %UserProfile%\\.wslconfig, section [wsl2]: kernelCommandLine = cgroup_no_v1=all; then `wsl --shutdown`'
const BOOT =
  'Boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all: add it to GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, reboot'

/** What to run a container with, so that its own cgroup is writable in it. */
const CONTAINERS: Record<string, string> = {
  podman:
    'podman run --cgroupns=private --security-opt unmask=/sys/fs/cgroup … (or --systemd=always in place of the latter)',
  docker:
    'docker run --cgroupns=private --security-opt writable-cgroups=true … (Docker 28; before that only --privileged makes it writable)',
  kubernetes:
    'containerd 2.1: cgroup_writable = true in the runtime class of the pod (config.toml, [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.NAME]); CRI-O: the annotation io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw: "true"',
  lxc: 'lxc.mount.auto = cgroup:rw in the configuration of the container',
}
const ANY_CONTAINER =
  'Run the container with a private cgroup namespace and /sys/fs/cgroup writable (podman run --cgroupns=private --security-opt unmask=/sys/fs/cgroup …)'

/** How to get unified cgroups where they are of v1, in part or as a whole. */
function unifiedFix({ wsl, container }: HostFacts): string {
  if (wsl) return WSL_CONFIG
  return container === null ? BOOT : `On the host of the container: ${BOOT}`
}

/** By hand, as no program delegates here: created, chowned and entered by root, as only root may move a process into it. */
function delegation(mount: CgroupMount | undefined): string {
  const directory = `${mount?.point ?? '/sys/fs/cgroup'}/corral-root`
  return `as root \`mkdir ${directory} && chown -R USER ${directory}\`, and start the gateway in there: \`sh -c 'echo $$ >${directory}/cgroup.procs; exec su USER -c "…"'\``
}

/** How to get a directory that sessions can be built in. */
export function rootFix(host: HostFacts): string {
  const { wsl, systemd, layout, container, uid, mounts, unit } = host
  if (wsl && !systemd) return 'In /etc/wsl.conf, section [boot]: systemd=true; then `wsl --shutdown`'
  if (layout === 'v1') return unifiedFix(host)
  if (container !== null && !mounts.some(({ writable }) => writable))
    return CONTAINERS[container] ?? ANY_CONTAINER
  if (layout === 'none' && uid === 0) return 'mount -t cgroup2 none /sys/fs/cgroup'
  const [mount] = mounts
  if (uid === 0 && mount !== undefined && !mounts.some(({ writable }) => writable))
    return `mount -o remount,rw ${mount.point} (what made it read-only may have had a reason)`
  if (!systemd)
    return `${uid === 0 ? '' : 'Start the gateway as root, or give it a directory: '}${delegation(mount)}`
  if (unit?.manager === 'user' && unit.name.endsWith('.service'))
    return `systemctl --user edit ${unit.name}: section [Service], Delegate=yes; then systemctl --user restart ${unit.name}`
  if (unit?.name.endsWith('.service'))
    return `systemctl edit ${unit.name}: section [Service], Delegate=yes; then systemctl restart ${unit.name}`
  return 'Start the gateway in a cgroup of its own: systemd-run --user --scope -p Delegate=yes COMMAND…, or a service with Delegate=yes in its section [Service]'
}

/** How to get a controller where the root does not offer it. */
export function controllerFix(host: HostFacts, controller: string): string {
  if (host.v1Controllers.includes(controller)) return unifiedFix(host)
  if (host.disabledControllers.includes(controller))
    return `It was turned off at boot: take ${controller} out of cgroup_disable= on the kernel's command line and reboot; where the firmware puts it there (Raspberry Pi), add cgroup_enable=${controller} to /boot/firmware/cmdline.txt instead`
  if (host.container !== null)
    return `Start the container from where ${controller} is delegated: for rootless ones, on its host, in /etc/systemd/system/user@.service.d/delegate.conf, section [Service]: Delegate=cpu cpuset io memory pids; then systemctl daemon-reload, and log in anew`
  if (host.unit?.manager === 'user' || host.uid !== 0)
    return `In /etc/systemd/system/user@.service.d/delegate.conf, section [Service]: Delegate=cpu cpuset io memory pids; then systemctl daemon-reload, and log in anew`
  return `Turn ${controller} on above the root, from the top down: echo +${controller} > …/cgroup.subtree_control; in a unit, set Delegate=yes`
}
