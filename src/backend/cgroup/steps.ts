// The steps that make the directories of sessions, for native/core/group.c: on the way to a group, and the group.
import { COMMAND_LABEL, INSIDE, KEY_LABEL, MODE_LABEL, PROGRAM_LABEL } from '../../native/language.js'
import { step } from '../../native/plan.js'
import type { GroupPlan } from '../backend.js'
import { type Setting, writeSteps } from './controllers/apply.js'
import type { Controller } from './controllers/controller.js'
import { directorySteps, enableSteps } from './controllers/index.js'
import { labelOfKey, nameOfKey } from './name.js'

/** Makes the directory of a key, where it is not there yet. */
export function familySteps(directory: string, key: string, controllers: Controller[]): string {
  const label = labelOfKey(key, nameOfKey(key))
  return (
    directorySteps('shared', directory, controllers) +
    (label === undefined ? '' : step.label(directory, KEY_LABEL, label)) +
    enableSteps(directory, controllers)
  )
}

/** Makes a group with its settings, and the cgroup below it that its processes are in. */
export function groupSteps(
  group: string,
  { mode, command, program }: Omit<GroupPlan['labels'], 'id'>,
  settings: Setting[],
  controllers: Controller[],
): string {
  return (
    directorySteps('new', group, controllers) +
    step.label(group, MODE_LABEL, mode) +
    step.label(group, COMMAND_LABEL, command) +
    step.label(group, PROGRAM_LABEL, program) +
    writeSteps(group, settings) +
    step.newDirectory(`${group}/${INSIDE}`)
  )
}
