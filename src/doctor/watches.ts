// Whether there are watches for sessions (inotify(7)): a session uses up to three, a gateway one instance.
import type { Facts, Finding } from './facts.js'

// 2,000 sessions, and what an editor or a file watcher of the same user takes beside them
const FEW_WATCHES = 8192

export function judgeWatches({ host }: Facts): Finding[] {
  const told = { id: 'watches', guarantee: 'what happens in a group is told at once' }
  const { max, refused } = host.watches
  const raise = (name: string, to: number) =>
    `sysctl -w fs.inotify.${name}=${to}, and the same in /etc/sysctl.d/corral.conf`
  if (refused !== undefined)
    return [
      {
        ...told,
        verdict: 'FAIL',
        why: `inotify refuses a watch: ${refused}`,
        fix: /EMFILE/.test(refused) ? raise('max_user_instances', 1024) : raise('max_user_watches', 524288),
      },
    ]
  if (max < FEW_WATCHES)
    return [
      {
        ...told,
        verdict: 'CAUTION',
        why: `${host.user} can have ${max} inotify watches, and a session takes up to three`,
        fix: raise('max_user_watches', 524288),
      },
    ]
  return [{ ...told, verdict: 'PASS', why: `inotify has room: ${max} watches` }]
}
