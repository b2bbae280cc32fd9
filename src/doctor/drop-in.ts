// What a gateway's unit has to say to systemd, and why: the text that `corral doctor --unit` prints (systemd.kill(5),
// systemd.resource-control(5)).
import { InvalidArgumentError } from '../common/errors.js'
import { quote } from '../common/quote.js'

interface Setting {
  line: string
  why: string[]
}

const SETTINGS: Setting[] = [
  {
    line: 'Delegate=yes',
    why: [
      "The cgroup of this unit, with all controllers there are, is the gateway's to divide among its sessions.",
    ],
  },
  {
    line: 'DelegateSubgroup=supervisor',
    why: [
      'The gateway itself is started in this child: a cgroup with processes of its own cannot be divided.',
      'systemd before 254 warns that it does not know this line; Corral moves the gateway there then.',
    ],
  },
  {
    line: 'OOMPolicy=continue',
    why: [
      'A session that meets its memory cap is killed whole, and the gateway told. With Delegate=yes this is the',
      'default; all other units systemd stops then (OOMPolicy=stop), the gateway with all its other sessions.',
    ],
  },
  {
    line: 'KillMode=mixed',
    why: [
      'Stopping sends SIGTERM to the gateway alone, which closes its sessions and exits; whatever is left then,',
      'or after TimeoutStopSec=, systemd kills. Without this line every agent gets SIGTERM at the same time.',
    ],
  },
]

export interface DropIn {
  unit: string
  /** The command that takes the text. */
  edit: string
  text: string
}

// Of systemd.unit(5), "Description"
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,255}$/
const OTHER_KIND = /\.(socket|device|mount|automount|swap|target|path|timer|slice|scope)$/

/** The drop-in for a service of the system's manager or, with `user`, of a user's. @throws InvalidArgumentError */
export function dropInFor(name: string, { user }: { user: boolean }): DropIn {
  if (!UNIT_NAME.test(name) || name.startsWith('-'))
    throw new InvalidArgumentError(`Invalid --unit: expected the name of a service, got ${quote(name)}`, {
      hint: 'Use a name such as gateway or gateway.service',
    })
  if (OTHER_KIND.test(name))
    throw new InvalidArgumentError(`Invalid --unit: expected a service, got ${name}`, {
      hint: 'Use the name of the service that the gateway runs in',
    })
  const unit = name.endsWith('.service') ? name : `${name}.service`
  const edit = `systemctl ${user ? '--user ' : ''}edit ${unit}`
  const lines = SETTINGS.flatMap(({ line, why }) => ['', ...why.map((text) => `# ${text}`), line])
  return { unit, edit, text: [`# ${edit}`, '[Service]', ...lines.slice(1)].join('\n') }
}
