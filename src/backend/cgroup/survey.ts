// The instances and sessions below a root as anybody can see them: read from the tree, which is the only record.
import path from 'node:path'
import { isGone, isSystemError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import {
  COMMAND_LABEL,
  CORRAL,
  KEY_LABEL,
  LEAF,
  MODE_LABEL,
  PID_LABEL,
  SESSIONS,
  WARDEN,
} from '../../native/language.js'
import type { Detail, InstanceView, SessionView } from '../outside.js'
import type { Controller } from './controllers/controller.js'
import { offeredControllers } from './controllers/index.js'
import { counterPaths, inDetail, parseUsage } from './controllers/usage.js'
import { listInstances } from './instance.js'
import { readMemoryV1 } from './memory-v1.js'
import { keyOfName } from './name.js'

const LABELS = [MODE_LABEL, COMMAND_LABEL]

/** The fields of survey() before labels and files: depth, name, time, processes. */
const OWN_FIELDS = 4
const FIELDS_BEFORE_FILES = OWN_FIELDS + LABELS.length

/** Reads all sessions of an instance; none where it is gone. */
async function viewSessions(native: Native, top: string, controllers: Controller[]): Promise<SessionView[]> {
  const sources = counterPaths(top, controllers)
  const fields = (await native.survey(top, LEAF, LABELS, sources)).split('\0')
  const width = FIELDS_BEFORE_FILES + sources.reduce((sum, { files }) => sum + files.length, 0)
  const sessions: SessionView[] = []
  const line: SessionView[] = [] // the families from the top down to the one read last
  for (let at = 0; at + width < fields.length; at += width) {
    const row = fields.slice(at, at + width)
    const depth = Number(row[0])
    const parent = line[depth - 1]
    const session = viewSession(native, parent?.path ?? top, row, controllers)
    ;(parent?.children ?? sessions).push(session)
    line[depth] = session
  }
  return sessions
}

function viewSession(native: Native, above: string, row: string[], controllers: Controller[]): SessionView {
  const [, name = '', startedAt = '', processes = '', mode, command] = row
  const directory = `${above}/${name}`
  return {
    key: keyOfName(name, () => native.getLabel(directory, KEY_LABEL)),
    path: directory,
    ...(startedAt !== '' && {
      group: {
        path: `${directory}/${LEAF}`,
        mode: mode || undefined,
        command: command || undefined,
        startedAt: Number(startedAt),
        processes: Number(processes),
        usage: parseUsage(controllers, row.slice(FIELDS_BEFORE_FILES)),
      },
    }),
    children: [],
  }
}

/** How many sessions there are below a directory, and processes in all of them. */
export async function countSessions(
  native: Native,
  top: string,
): Promise<{ sessions: number; processes: number }> {
  const rows = (await native.survey(top, LEAF, [], [])).split('\0')
  const count = { sessions: 0, processes: 0 }
  for (let at = 0; at + OWN_FIELDS < rows.length; at += OWN_FIELDS) {
    if (rows[at + 2] === '') continue
    count.sessions++
    count.processes += Number(rows[at + 3])
  }
  return count
}

/** How many processes are in an instance, but neither in a session nor its guard. */
function countOutside(native: Native, instance: string): number {
  const listed = (group: string) => {
    try {
      return new Set(native.readText(path.join(group, 'cgroup.procs')).split('\n').filter(Boolean)).size
    } catch (error) {
      if (isSystemError(error)) return 0 // a threaded group, or one that is going
      throw error
    }
  }
  const others = native.directories(instance).filter((name) => name !== SESSIONS && name !== WARDEN)
  return (
    listed(instance) +
    listed(path.join(instance, SESSIONS)) +
    Math.max(0, listed(path.join(instance, WARDEN)) - 1) +
    others.reduce((sum, name) => sum + native.members(path.join(instance, name)).length, 0)
  )
}

/** Those that all sessions of an instance have: to ask a thousand sessions for files that are not there takes its time. */
function controllersOf(native: Native, instance: string): Controller[] {
  const memoryV1 = readMemoryV1(native, instance)
  const own = offeredControllers(path.join(instance, SESSIONS))
  return memoryV1 ? [...own, memoryV1.controller] : own
}

export async function surveyInstances(native: Native, root: string, detail: Detail): Promise<InstanceView[]> {
  const views: InstanceView[] = []
  for (const { name: instance, alive } of listInstances(native, root).instances) {
    const directory = path.join(root, CORRAL, instance)
    try {
      const sessions = path.join(directory, SESSIONS)
      const pid = native.getLabel(directory, PID_LABEL)
      const controllers = inDetail(controllersOf(native, directory), detail)
      const outside = countOutside(native, directory)
      views.push({
        backend: 'cgroup',
        instance,
        path: directory,
        alive,
        pid: pid === undefined ? undefined : Number(pid),
        command: native.getLabel(directory, COMMAND_LABEL),
        sessions: await viewSessions(native, sessions, controllers),
        ...(outside > 0 && { outside }),
      })
    } catch (error) {
      if (!isGone(error)) throw error // it ended while we looked
    }
  }
  return views
}
