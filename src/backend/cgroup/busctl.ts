// Calls to systemd, by busctl, which is there wherever systemd is. Each has a limit in time: a call that never came back
// hung runc for ever (runc #3904).
import type { ExecFileException } from 'node:child_process'
import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { childProcess } from '../../common/builtins.js'
import { systemCodeOf } from '../../common/errors.js'

// A manager that is busy starting a machine takes its time.
const CALL_S = 5
// busctl keeps to its own limit; this one is for a busctl that does not.
const BUSCTL_MS = (CALL_S + 1) * 1000

const SERVICE = 'org.freedesktop.systemd1'
const OBJECT = '/org/freedesktop/systemd1'

export interface Manager {
  name: 'user manager' | 'system manager'
  /** The options of busctl that lead to it. */
  bus: string[]
}

/**
 * The manager of this user's units, if it has one: at the same place for all logins of a user, whatever the environment
 * says, which after ssh, su or in cron is nothing, and after sudo can be another user's.
 */
export function userManager(uid: number): Manager | undefined {
  const bus = `/run/user/${uid}/bus`
  const found = statSync(bus, { throwIfNoEntry: false })
  if (found?.isSocket() && found.uid === uid)
    return { name: 'user manager', bus: [`--address=unix:path=${bus}`] }
  return process.env['DBUS_SESSION_BUS_ADDRESS'] ? { name: 'user manager', bus: ['--user'] } : undefined
}

export const systemManager: Manager = { name: 'system manager', bus: ['--system'] }

/** Calls a method of org.freedesktop.systemd1.Manager(5). @throws Error with what busctl said. */
export function callManager(
  manager: Manager,
  method: string,
  signature: string,
  words: readonly string[],
): Promise<string> {
  return busctl(manager, ['call', SERVICE, OBJECT, `${SERVICE}.Manager`, method, signature, ...words])
}

/** A property of a unit, as busctl writes it: `b true`. @throws Error with what busctl said. */
export function unitProperty(manager: Manager, unit: string, property: string): Promise<string> {
  const kind = unit.slice(unit.lastIndexOf('.') + 1)
  const face = `${SERVICE}.${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`
  return busctl(manager, ['get-property', SERVICE, `${OBJECT}/unit/${escapeUnit(unit)}`, face, property])
}

/** sd_bus_path_encode(3) */
function escapeUnit(unit: string): string {
  const escaped = (byte: string) => `_${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
  return Buffer.from(unit)
    .toString('latin1')
    .replace(/^[0-9]|[^A-Za-z0-9]/g, escaped)
}

/**
 * A process is named to a manager by its pid, so both must mean the same by that: in a container that has the bus of its
 * host, the manager would do it to another process. @throws Error when they do not, or the manager does not answer.
 */
export async function assertSamePids(manager: Manager): Promise<void> {
  // The first call of a login starts the bus, and only a call to the manager itself waits until that has joined it
  await busctl(manager, ['get-property', SERVICE, OBJECT, `${SERVICE}.Manager`, 'Version'])
  const driver = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus']
  const answer = await busctl(manager, ['call', ...driver, 'GetConnectionUnixProcessID', 's', SERVICE])
  const pid = /^u (\d+)/.exec(answer)?.[1]
  const name = unlessDenied(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
  // Not everybody may look at the namespaces of everybody
  const namespace = unlessDenied(() => readlinkSync(`/proc/${pid}/ns/pid`))
  if (name !== 'systemd' || (namespace ?? ownNamespace()) !== ownNamespace())
    throw new Error(
      `it is in another pid namespace (its pid is ${pid}, and here that is ${name ?? 'no process'})`,
    )
}

const ownNamespace = () => readlinkSync('/proc/self/ns/pid')

function unlessDenied(look: () => string): string | undefined {
  try {
    return look()
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error
    return undefined
  }
}

function busctl({ bus }: Manager, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const done = (error: ExecFileException | null, out: string, said: string) =>
      error ? reject(new Error(reasonOf(error, said))) : resolve(out)
    const limits = { timeout: BUSCTL_MS, killSignal: 'SIGKILL' } as const
    childProcess().execFile('busctl', [...bus, `--timeout=${CALL_S}`, ...words], limits, done)
  })
}

function reasonOf(error: ExecFileException, said: string): string {
  if (error.code === 'ENOENT') return 'busctl is not installed, so systemd cannot be asked'
  if (error.killed) return `no answer within ${BUSCTL_MS} ms`
  return said.trim().split('\n').at(-1) || error.message
}
