// The instances and sessions below a root as anybody can see them: read from the tree, which is the only record.
import { statSync } from 'node:fs'
import path from 'node:path'
import type { Usage } from '../backend.js'
import { isGone } from '../errors.js'
import type { Native } from '../native.js'
import type { Controller } from './controller.js'
import { offeredControllers, readUsage } from './controllers.js'
import { subdirectories } from './file.js'
import { CORRAL, isAlive, listInstances, SESSIONS } from './instance.js'
import { COMMAND_LABEL, KEY_LABEL, MODE_LABEL, PID_LABEL } from './labels.js'
import { readMemoryV1 } from './memory-v1.js'
import { keyOfName, LEAF } from './name.js'

export interface SessionView {
  /** `undefined` when the directory is not one that Corral would have made. */
  key: string | undefined
  /** The family's directory. */
  path: string
  /** Absent where the key is only a parent. */
  group?: GroupView
  children: SessionView[]
}

export interface GroupView {
  path: string
  mode: string | undefined
  command: string | undefined
  /** Milliseconds since the epoch: the directory's ctime. */
  startedAt: number
  processes: number
  usage: Usage
}

export interface InstanceView {
  instance: string
  path: string
  /** Whether its owner lives: somebody holds its lock. */
  alive: boolean
  /** Of the owner, as it wrote them down itself. */
  pid: number | undefined
  command: string | undefined
  sessions: SessionView[]
}

function viewGroup(native: Native, directory: string, controllers: Controller[]): GroupView | undefined {
  const found = statSync(directory, { throwIfNoEntry: false })
  if (!found) return undefined
  return {
    path: directory,
    mode: native.getLabel(directory, MODE_LABEL),
    command: native.getLabel(directory, COMMAND_LABEL),
    startedAt: found.ctimeMs,
    processes: native.members(directory).length,
    usage: readUsage(directory, controllers),
  }
}

function viewSession(native: Native, parent: string, name: string, controllers: Controller[]): SessionView {
  const directory = path.join(parent, name)
  const below = subdirectories(directory)
  const group = below.includes(LEAF) ? viewGroup(native, path.join(directory, LEAF), controllers) : undefined
  return {
    key: keyOfName(name, () => native.getLabel(directory, KEY_LABEL)),
    path: directory,
    ...(group && { group }),
    children: below
      .filter((child) => child !== LEAF)
      .map((child) => viewSession(native, directory, child, controllers)),
  }
}

/** Those that all sessions of an instance have: to ask a thousand sessions for files that are not there takes its time. */
function controllersOf(native: Native, instance: string): Controller[] {
  const memoryV1 = readMemoryV1(native, instance)
  const own = offeredControllers(path.join(instance, SESSIONS))
  return memoryV1 ? [...own, memoryV1.controller] : own
}

export function surveyInstances(native: Native, root: string): InstanceView[] {
  const views: InstanceView[] = []
  for (const instance of listInstances(root)) {
    const directory = path.join(root, CORRAL, instance)
    try {
      const sessions = path.join(directory, SESSIONS)
      const pid = native.getLabel(directory, PID_LABEL)
      const controllers = controllersOf(native, directory)
      views.push({
        instance,
        path: directory,
        alive: isAlive(native, directory),
        pid: pid === undefined ? undefined : Number(pid),
        command: native.getLabel(directory, COMMAND_LABEL),
        sessions: subdirectories(sessions).map((name) => viewSession(native, sessions, name, controllers)),
      })
    } catch (error) {
      if (!isGone(error)) throw error // it ended while we looked
    }
  }
  return views
}
