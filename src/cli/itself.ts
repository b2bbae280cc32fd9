// The command line by which configurations and shims start `corral`, whatever PATH they are given.
import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HoldingChoice } from '../backend/facts.js'
import { hostMemory, type Limits, parseLimits } from '../backend/limits.js'
import { InvalidArgumentError, isSystemError } from '../common/errors.js'
import { parseHolding } from '../session/options.js'
import { optionOf } from './output.js'

const MAIN = fileURLToPath(new URL('main.js', import.meta.url))
const LAUNCHER = fileURLToPath(new URL('launch.js', import.meta.url))

function leadsHere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return realpathSync(file) === realpathSync(LAUNCHER)
  } catch (error) {
    if (isSystemError(error)) return false
    throw error
  }
}

// Where npx, pnpm dlx, bunx and yarn dlx put a package for one run
const FOR_ONE_RUN = /\/(?:_npx|dlx|dlx-[^/]+|bunx-[^/]+|xfs-[^/]+)\//

/** What is written down has to be there tomorrow. @throws InvalidArgumentError */
function assertToStay(): void {
  const own = realpathSync(fileURLToPath(import.meta.url))
  if (!FOR_ONE_RUN.test(own)) return
  throw new InvalidArgumentError(
    `this corral is a temporary copy in a cache, which will be removed: ${own}`,
    {
      hint: 'Install corral permanently (npm install --global corral, or in the project), and run that one',
    },
  )
}

/** The `corral` on PATH by its absolute path where that is this one, else Node with this very program. @throws InvalidArgumentError */
export function itself(path: string | undefined = process.env['PATH']): string[] {
  assertToStay()
  const found = (path ?? '')
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, 'corral'))
    .find(leadsHere)
  return found === undefined ? [process.execPath, MAIN] : [found]
}

/** What of `corral run` a shim or a configuration can carry. */
export interface RunFlags {
  backend: HoldingChoice
  root?: string
  systemd: boolean
  bestEffort: boolean
  grace?: number
  sessionFromEnv?: string | true
  parentFromEnv?: string | true
  limits: Limits
}

function named(flag: string, value: string | number | true | null | undefined): string[] {
  if (value === undefined || value === null) return []
  return value === true ? [flag] : [flag, String(value)]
}

/**
 * The words after `run`, the same for the same options. What `run` would refuse is refused here and now.
 * @throws InvalidArgumentError, InvalidLimitError
 */
export function runWords(flags: RunFlags): string[] {
  const { root, systemd, bestEffort, grace, limits, ...keys } = flags
  const backend = parseHolding('--backend', flags.backend, root)
  parseLimits(limits, {}, hostMemory)
  return [
    ...named('--backend', backend === 'auto' ? undefined : backend),
    ...named('--root', root),
    ...named('--session-from-env', keys.sessionFromEnv),
    ...named('--parent-from-env', keys.parentFromEnv),
    ...(systemd ? [] : ['--no-systemd']),
    ...(bestEffort ? ['--best-effort'] : []),
    ...named('--grace', grace),
    ...Object.entries(limits).flatMap(([name, value]) => named(optionOf(name), value)),
  ]
}
