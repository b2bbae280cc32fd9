// The sessions of `corral run` that this gateway has started, seen and ended by the command line: OpenClaw runs a copy of this
// plugin's own modules, without the addon.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** As `corral ls --json` has it. */
interface SessionView {
  key?: string
  path: string
  group?: { path: string; processes: number }
  children: SessionView[]
}

interface InstanceView {
  instance: string
  alive: boolean
  pid?: number
  sessions: SessionView[]
}

// OpenClaw gives agents no key in the environment, but the servers of its MCP bridges, which agents start, have one.
const BRIDGE_KEY = /(?:^|\0)OPENCLAW_TOOLS_MCP_AGENT_SESSION_KEY=([^\0]+)/

// The names between are those of keys, of parents before their children
const IN_SESSION = /\/corral\/(i[0-9a-f]{10})\/sessions\/(.*?)\/agent(?:\/|$)/m

/** An instance of `corral run` that this gateway has started. */
interface OwnInstance {
  instance: string
  keys: string[]
  /** What is said once it is ended. */
  told: string[]
}

export class GatewaySessions {
  readonly #main: string
  readonly #root: readonly string[]

  /** `directory` is that of this package, `root` the cgroup directory, where `corral run` was given one. */
  constructor(directory: string, root: string | undefined) {
    this.#main = join(directory, 'dist/cli/main.js')
    this.#root = root === undefined ? [] : ['--root', root]
  }

  /** What `corral` prints. @throws Error that says what it said */
  async #corral(...words: string[]): Promise<string> {
    const command = [this.#main, ...words, ...this.#root]
    // A listing of many sessions is longer than what Node takes by default, 1 MiB
    const { stdout } = await promisify(execFile)(process.execPath, command, {
      maxBuffer: Number.POSITIVE_INFINITY,
    })
    return stdout
  }

  /** Collects what dead gateways left, and says what that was. */
  async sweep(): Promise<string[]> {
    const { collected } = JSON.parse(await this.#corral('sweep', '--json')) as {
      collected: { instance: string; processes: number }[]
    }
    return collected.map(({ instance, processes }) => `collected ${instance} (${processes} processes)`)
  }

  async #listed(): Promise<OwnInstance[]> {
    const { instances } = JSON.parse(await this.#corral('ls', '--json')) as { instances: InstanceView[] }
    return instances.filter(isOurs).map((one) => ({
      instance: one.instance,
      keys: keysOf(one),
      told: one.sessions.flatMap(descend).flatMap(described),
    }))
  }

  /** Ends the sessions of these keys, or all, waits until they are gone, and says which those were. A listing that fails stops no ending. */
  async end(
    keys: ReadonlySet<string> | 'all',
    graceMs: number,
    warn: (text: string) => void,
  ): Promise<string[]> {
    const found = await this.#listed().catch((error: Error) => {
      warn(`the sessions cannot be listed, and are found by the processes of this gateway: ${error.message}`)
      return ownInstances()
    })
    const meant = found.filter((one) => keys === 'all' || one.keys.some((key) => keys.has(key)))
    const ending = meant.map(async ({ instance, told }) => {
      await this.#corral('kill', '--instance', instance, '--grace', String(graceMs)).catch(ifNotGone)
      return told
    })
    const ended = await Promise.allSettled(ending) // one that fails keeps no other from being told
    const failures = ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    if (failures.length > 0) throw new Error(failures.join('; '))
    return ended.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  }
}

/** By the kernel alone: those with a session that a process below this one is in. */
function ownInstances(): OwnInstance[] {
  const found = new Map<string, OwnInstance>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [, instance = '', sessions = ''] = IN_SESSION.exec(read(`/proc/${pid}/cgroup`)) ?? []
    if (instance === '' || !isBelow(Number(pid))) continue
    const own = found.get(instance) ?? { instance, keys: [], told: [`ended ${instance}`] }
    found.set(instance, own)
    own.keys.push(...sessions.split('/').flatMap(keyOfName), ...bridgeKeysOf([pid]))
  }
  return [...found.values()]
}

/** As src/backend/cgroup/name.ts makes them. The digest of a long one tells nothing. */
function keyOfName(name: string): string | [] {
  try {
    return decodeURIComponent(name)
  } catch {
    return [] // a group that the session has made
  }
}

/** One that was over before is no failure. */
function ifNotGone(error: Error & { stderr?: string }): void {
  if (!error.stderr?.startsWith('corral: no such session')) throw error
}

const descend = (session: SessionView): SessionView[] => [session, ...session.children.flatMap(descend)]

const described = ({ key, path, group }: SessionView): string[] =>
  group === undefined ? [] : [`ended ${key ?? path} (${group.processes} processes)`]

/** Whether its owner was started by this process: another gateway can have a session of the same key. */
const isOurs = ({ alive, pid }: InstanceView) => alive && pid !== process.pid && isBelow(pid)

function isBelow(pid: number | undefined): boolean {
  for (let at = pid; at; at = parentOf(at)) if (at === process.pid) return true
  return false
}

const parentOf = (pid: number) => Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1])

const keysOf = ({ sessions }: InstanceView): string[] =>
  sessions.flatMap(descend).flatMap((session) => [session.key ?? [], bridgeKeys(session)].flat())

function bridgeKeys({ group }: SessionView): string[] {
  const groups = group === undefined ? [] : [group.path, join(group.path, 'in')] // of 0.1.0, and of later ones
  return groups.flatMap((one) => bridgeKeysOf(read(join(one, 'cgroup.procs')).split('\n').filter(Boolean)))
}

const bridgeKeysOf = (pids: string[]) =>
  pids.flatMap((pid) => BRIDGE_KEY.exec(read(`/proc/${pid}/environ`))?.[1] ?? [])

/** Empty where it is gone, or is none of ours to read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
