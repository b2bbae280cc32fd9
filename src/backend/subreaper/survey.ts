// The sessions of this user (root: of all) that are held without cgroups, as anybody of the same user can see them and end them:
// by the doors of their reapers (native/core/door.h).
import { readFileSync } from 'node:fs'
import { isSystemError, KernelError, systemCodeOf } from '../../common/errors.js'
import { within } from '../../common/within.js'
import type { Native } from '../../native/addon.js'
import { DOOR_PREFIX, REAPER_TITLE } from '../../native/language.js'
import { keepAlive, Link, type Message } from '../../native/link.js'
import { PROTOCOL, saying, unspoken } from '../../native/protocol.js'
import type { Ended, ForeignDirectory, Usage } from '../facts.js'
import type { InstanceView, SessionView } from '../outside.js'
import { type Labels, readLabels } from './labels.js'

// A reaper answers within a millisecond, unless it is ending a fork bomb.
const ANSWER_MS = 1000
// Each visit takes a descriptor, and any process can open doors, as many as it likes.
const AT_ONCE = 256
// Who may join what is anybody's
const ROOT = 0
// How much longer than its bounds it may take for ending all
const PATIENCE_MS = 2000

export interface HeldSession {
  door: string
  /** Of the reaper. */
  pid: number
  /** Its user. */
  uid: number
  /** All that hold a part of it. */
  reapers: number[]
  labels: Labels
}

/** The names of all doors in this network namespace, whosever they are. */
function doors(): string[] {
  let text: string
  try {
    text = readFileSync('/proc/net/unix', 'utf8')
  } catch {
    return [] // no /proc, or no /proc/net: no reaper can be found
  }
  const pattern = new RegExp(`@(${DOOR_PREFIX}[0-9a-f]{24})$`, 'gm')
  return [...new Set([...text.matchAll(pattern)].flatMap(([, name]) => name ?? []))]
}

/** A connection to a reaper; undefined where it is over, `barred` where it is another user's. */
function knock(native: Native, door: string, heard: (message: Message) => void) {
  try {
    const [fd, pid, uid] = native.enterDoor(door)
    return { link: new Link(native, heard, [fd, -1]), pid, uid }
  } catch (error) {
    if (!isSystemError(error)) throw error
    return systemCodeOf(error) === 'EPERM' ? 'barred' : undefined
  }
}

function visit(native: Native, door: string, heard: (message: Message) => void) {
  const found = knock(native, door, heard)
  return found === 'barred' ? undefined : found
}

interface Shown {
  labels: Labels
  /** What it says are the reapers of commands that came in. */
  joined: number[]
}

export interface HeldSessions {
  sessions: HeldSession[]
  /** Reapers of other versions, whose protocol is unknown here. */
  unspoken: ForeignDirectory[]
  /** How many doors are other users'. */
  barred: number
}

/** Whether that is the pid of a reaper of that user: a process that opens a door can claim any pid. */
function isReaper(pid: number, user: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const [, name] = /^Name:\t(.*)$/m.exec(status) ?? []
    const [, uid] = /^Uid:\t\d+\t(\d+)/m.exec(status) ?? []
    return name === REAPER_TITLE && [ROOT, user].includes(Number(uid))
  } catch (error) {
    if (isSystemError(error)) return false // it has ended
    throw error
  }
}

/** What a reaper shows, or why it cannot be talked to. */
type Answer = Shown | { why: string } | undefined

function answerOf(native: Native, { kind, id, fds: [file], left }: Message): Answer {
  if (kind === 'refused') return { why: saying(id) }
  const why = unspoken(id)
  if (why !== undefined) return { why }
  const labels = file === undefined ? undefined : readLabels(native, file)
  return labels && { labels, joined: left }
}

type Asked = HeldSession | ForeignDirectory | 'barred' | undefined

async function ask(native: Native, door: string): Promise<Asked> {
  let take: (answer: Answer) => void = () => undefined
  const answered = new Promise<Answer>((resolve) => {
    take = resolve
  })
  const found = knock(native, door, (message) => take(answerOf(native, message)))
  if (found === undefined || found === 'barred') return found
  const { link, pid, uid } = found
  void link.gone.then(() => take(undefined))
  link.send('show', { id: PROTOCOL })
  const answer = await keepAlive(native, within(answered, ANSWER_MS))
  link.hangUp()
  if (answer && 'why' in answer) return { path: `/proc/${pid}`, why: answer.why }
  if (!answer) return undefined
  const joined = answer.joined.filter((one) => isReaper(one, uid))
  return { door, pid, uid, reapers: [pid, ...joined], labels: answer.labels }
}

export async function heldSessions(native: Native): Promise<HeldSessions> {
  const all = doors()
  const held: HeldSessions = { sessions: [], unspoken: [], barred: 0 }
  while (all.length > 0)
    for (const found of await Promise.all(all.splice(0, AT_ONCE).map((door) => ask(native, door)))) {
      if (!found) continue
      if (found === 'barred') held.barred++
      else if ('why' in found) held.unspoken.push(found)
      else held.sessions.push(found)
    }
  return held
}

/** A pidfd of its reaper, to be closed; undefined where it is over. */
export async function openHolder(native: Native, { door, pid }: HeldSession): Promise<number | undefined> {
  const opened = native.openProcess(pid)
  if (opened === undefined) return undefined
  const found = await ask(native, door) // it answers: so it lived when its pid was opened, which is still its own
  if (found && found !== 'barred' && 'labels' in found && found.pid === pid) return opened
  native.close(opened)
  return undefined
}

function usageOf(native: Native, { reapers, labels }: HeldSession): Usage & { pids: number } {
  const sum = { pids: 0, memoryBytes: 0, cpuUserMs: 0, cpuSystemMs: 0 }
  for (const one of reapers.map((pid) => native.usageBelow(pid)))
    for (const name of ['pids', 'memoryBytes', 'cpuUserMs', 'cpuSystemMs'] as const) sum[name] += one[name]
  return { ...sum, ...(labels.memoryMax !== undefined && { memoryMaxBytes: labels.memoryMax }) }
}

/** The place of a session in the tree of its instance, made as far as it is not there. */
function placeOf(instance: InstanceView, keys: readonly string[]): SessionView | undefined {
  let siblings = instance.sessions
  let place: SessionView | undefined
  for (const key of keys) {
    place = siblings.find((candidate) => candidate.key === key)
    if (!place) {
      place = { key, path: instance.path, children: [] }
      siblings.push(place)
    }
    siblings = place.children
  }
  return place
}

/** Their instances as trees. */
export function viewHeld(native: Native, sessions: readonly HeldSession[]): InstanceView[] {
  const views = new Map<string, InstanceView>()
  for (const session of sessions) {
    const { instance, owner, keys, mode, command, startedAt } = session.labels
    const view = views.get(instance) ?? {
      backend: 'subreaper',
      instance,
      path: `/proc/${owner.pid}`,
      alive: true, // or its reapers would not be there
      ...owner,
      sessions: [],
    }
    views.set(instance, view)
    const place = placeOf(view, keys)
    if (!place) continue
    const usage = usageOf(native, session)
    place.path = `/proc/${session.pid}`
    place.group = { path: place.path, mode, command, startedAt, processes: usage.pids, usage }
  }
  return [...views.values()].sort((a, b) => (a.instance < b.instance ? -1 : 1))
}

/**
 * Has a reaper end its session, whose owner hears of that. Undefined when it was over already.
 * @throws KernelError when it does not answer.
 */
export async function endHeld(
  native: Native,
  { door, pid }: HeldSession,
  { graceMs, killTimeoutMs }: { graceMs: number; killTimeoutMs: number },
): Promise<Pick<Ended, 'empty' | 'killed' | 'left'> | undefined> {
  let ended: Extract<Message, { kind: 'ended' }> | undefined
  let answer: () => void = () => undefined
  const answered = new Promise<boolean>((resolve) => {
    answer = () => resolve(true)
  })
  const found = visit(native, door, (message) => {
    if (message.kind !== 'ended') return
    ended = message
    answer()
  })
  if (!found) return undefined
  const { link } = found
  void link.gone.then(answer)
  link.send('end', { id: PROTOCOL, graceMs, killMs: killTimeoutMs })
  const inTime = await keepAlive(native, within(answered, graceMs + killTimeoutMs + PATIENCE_MS))
  if (ended?.empty === 1) await keepAlive(native, within(link.gone, ANSWER_MS))
  link.hangUp()
  if (!inTime)
    throw new KernelError(`the reaper ${pid} of the session does not answer`, {
      path: `/proc/${pid}`,
      hint: 'Kill the reaper with SIGKILL: its keeper then ends the session',
    })
  if (!ended) return undefined
  const { empty, killed, names, left } = ended
  return { empty: empty === 1, killed: { count: killed, names }, left }
}
