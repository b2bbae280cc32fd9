// corral run: a command contained from start to end. This process prepares what takes a program of Node's size to know
// (which root, which limits, how keys are written) and then becomes the warden, which runs the command
// (native/warden/run.h): a few hundred KiB instead of Node's 40 MB for as long as the command lives.
import type { Enforcement } from '../backend/backend.js'
import { assertNoneRequired } from '../backend/base.js'
import { capsAround, ownCgroup, withinCaps } from '../backend/cgroup/caps-around.js'
import {
  assertEnforceable,
  limitSettings,
  sessionSettings,
  unenforceable,
} from '../backend/cgroup/controllers/apply.js'
import { enableControllers } from '../backend/cgroup/controllers/index.js'
import { killMethod } from '../backend/cgroup/kill.js'
import { memoryAt } from '../backend/cgroup/machine.js'
import { findMemoryV1, memoryV1Controller } from '../backend/cgroup/memory-v1.js'
import { labelOfKey, nameOfKey } from '../backend/cgroup/name.js'
import { pathOf, searchRootAndAsk, vacateRoot } from '../backend/cgroup/root.js'
import type { HoldingChoice } from '../backend/facts.js'
import { type Limits, type ParsedLimits, parseLimits } from '../backend/limits.js'
import { newHeldInstanceName, packLabels } from '../backend/subreaper/labels.js'
import { HINT } from '../backend/subreaper/limits.js'
import { InvalidArgumentError, KernelError, systemDetails } from '../common/errors.js'
import { loadNative, type Native, wardenPath } from '../native/addon.js'
import { parseKey } from '../session/key.js'
import { parseBound, parseHolding, parseMilliseconds } from '../session/options.js'
import { asGiven, asLaunched } from './launched.js'

export interface RunOptions {
  /** What holds the command: as of openCorral(). */
  backend: HoldingChoice
  root?: string
  /** Whether systemd may be asked for a scope. */
  systemd: boolean
  session?: string
  parent?: string
  grace: number
  drain: number
  timeout?: number
  startTimeout: number
  limits: Limits
  bestEffort: boolean
  /** Whether to end with 128 + N instead of by the signal that ended the command. */
  status128: boolean
}

/** The keys from the eldest parent down. */
function parseKeys({ session, parent }: RunOptions): string[] {
  const keys: string[] = []
  if (parent !== undefined) keys.push(parseKey(parent, '--parent'))
  if (session !== undefined) keys.push(parseKey(session, '--session'))
  else if (parent !== undefined) keys.push(`run-${process.pid}`)
  if (keys.length === 2 && keys[0] === keys[1])
    throw new InvalidArgumentError(`'${session}' cannot be its own parent`)
  return keys
}

function placeWords(keys: string[]): string[] {
  const names = keys.map(nameOfKey)
  const words = names.length > 0 ? ['--place', names.join('/')] : []
  for (const [index, key] of keys.entries()) {
    const name = names[index] ?? ''
    const label = labelOfKey(key, name)
    if (label !== undefined) words.push('--key', name, label)
  }
  return words
}

interface RunPlan {
  limits: ParsedLimits
  enforcement: Enforcement
  graceMs: number
  drainMs: number
  timeoutMs: number | undefined
  startTimeoutMs: number
  keys: string[]
}

/** What the command is to inherit as if we were not there. What Node itself ignores is not for it. */
function inheritedWords(): string[] {
  const { ignored, blocked, openFiles } = asLaunched()
  return [
    ...['--ignored', ignored, '--blocked', blocked],
    ...(openFiles === undefined ? [] : ['--open-files', openFiles]),
  ]
}

const boundWords = ({ graceMs, drainMs, timeoutMs, startTimeoutMs }: RunPlan): string[] => [
  ...(timeoutMs === undefined ? [] : ['--timeout', String(timeoutMs)]),
  '--grace',
  String(graceMs),
  '--drain',
  String(drainMs),
  '--start-timeout',
  String(startTimeoutMs),
]

/** What the warden is told where the command gets a cgroup below `root`: under the caps that it would be under without us, too. */
function wordsInCgroup(root: string, startedIn: string | undefined, plan: RunPlan): string[] {
  const { enforcement, keys } = plan
  const around = capsAround(root, startedIn)
  vacateRoot(root)
  const enabled = enableControllers(root)
  const memoryGroup = enabled.some(({ oom }) => oom) ? undefined : findMemoryV1()
  const controllers =
    memoryGroup === undefined ? enabled : [...enabled, memoryV1Controller((directory) => directory)]
  assertEnforceable(plan.limits, controllers, { enforcement, path: root })
  const limits = withinCaps(plan.limits, around, controllers)
  const settings = [...sessionSettings(controllers), ...limitSettings(limits, controllers)]
  const set = enforcement === 'best-effort' ? '--try-set' : '--set'
  const words = [
    'run',
    '--root',
    root,
    ...placeWords(keys),
    ...(memoryGroup === undefined ? [] : ['--memory-group', memoryGroup]),
    ...settings.flatMap(({ controller, file, value }) => [
      controller.enforcedBy === 'cgroup-v1' ? '--set-memory' : set,
      `${file}=${value}`,
    ]),
    ...boundWords(plan),
  ]
  if (limits.memoryMax !== undefined && unenforceable(limits, controllers).includes('memoryMax'))
    words.push('--watch-memory', String(limits.memoryMax))
  if (killMethod() === 'freeze') words.push('--freeze')
  if (process.env['CORRAL_NO_CLONE3'] === '1') words.push('--no-clone3')
  return words
}

/** The same where a subreaper is to hold it. */
function wordsWithoutCgroup(plan: RunPlan, command: string): string[] {
  const { limits, enforcement, keys } = plan
  assertNoneRequired(limits, { enforcement, hint: HINT })
  const instance = newHeldInstanceName()
  const labels = packLabels({
    instance,
    owner: { pid: process.pid, command: `corral run -- ${command}` },
    keys: keys.length > 0 ? keys : [`${instance}-1`],
    mode: 'oneshot',
    command,
    startedAt: Date.now(),
    ...(limits.memoryMax !== undefined && { memoryMax: limits.memoryMax }),
  })
  const words = ['run', '--subreaper', '--labels', labels, ...boundWords(plan)]
  if (limits.memoryMax !== undefined) words.push('--watch-memory', String(limits.memoryMax))
  if (process.env['CORRAL_SCAN_PROC'] === '1') words.push('--scan')
  return words
}

/** A root to build in, or undefined where a subreaper is to do. @throws RootError where it has to be a cgroup. */
async function chooseRoot(native: Native, options: RunOptions): Promise<string | undefined> {
  const { root } = options
  const backend = parseHolding('--backend', options.backend, root)
  if (backend === 'subreaper') return undefined
  const search = await searchRootAndAsk(native, options)
  const mayDoWithout = backend === 'auto' && root === undefined
  return mayDoWithout ? search.chosen?.path : pathOf(search, root)
}

/**
 * Becomes the warden that runs the command; does not come back.
 * @throws CorralError when it cannot be prepared; nothing was made then.
 */
export async function run(command: string, args: string[], options: RunOptions): Promise<never> {
  if (command === '') throw new InvalidArgumentError('there is no command to run')
  const plan: RunPlan = {
    graceMs: parseMilliseconds('--grace', options.grace),
    drainMs: parseMilliseconds('--drain', options.drain),
    timeoutMs: options.timeout === undefined ? undefined : parseBound('--timeout', options.timeout),
    startTimeoutMs: parseBound('--start-timeout', options.startTimeout),
    limits: parseLimits(options.limits, {}, () => memoryAt(options.root)),
    enforcement: options.bestEffort ? 'best-effort' : 'required',
    keys: parseKeys(options),
  }
  const native = loadNative()
  const startedIn = ownCgroup()
  const root = await chooseRoot(native, options)
  const words =
    root === undefined
      ? wordsWithoutCgroup(plan, [command, ...args].join(' '))
      : wordsInCgroup(root, startedIn, plan)
  const warden = wardenPath()
  const all = [
    'corral-warden',
    ...words,
    ...inheritedWords(),
    ...(options.status128 ? ['--status-128'] : []),
    '--',
    ...asGiven([command, ...args]),
  ]
  try {
    return native.execute(warden, all, asLaunched().descriptors)
  } catch (error) {
    throw new KernelError(`${warden} cannot be run: ${(error as Error).message}`, systemDetails(error))
  }
}
