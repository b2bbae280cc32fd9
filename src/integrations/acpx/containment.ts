// Contains the agents of an acpx runtime (acpx/runtime) in sessions of an instance of Corral.
import type {
  AcpAgentRegistry,
  AcpProcessExit,
  AcpProcessLaunch,
  AcpProcessLifecycle,
  AcpProcessStarted,
  AcpRuntime,
  AcpRuntimeOptions,
} from 'acpx/runtime'
import type { CommandLine } from '../../backend/spawned.js'
import { ClosingError, InvalidArgumentError } from '../../common/errors.js'
import type { Corral } from '../../session/corral.js'
import { assertOptions, parseMilliseconds } from '../../session/options.js'
import { ADMISSION_VARIABLE, Admission } from './admission.js'
import { agentOf, containedRegistry, isAdmitted } from './registry.js'
import { ContainedRuntime } from './runtime.js'
import { AcpxSessions, type SessionRules } from './sessions.js'

export interface AcpxOptions extends SessionRules {
  /** How long acpx may take to end an agent before Corral ends the session, in ms. Default 5,000. */
  patienceMs?: number | undefined
  /** The directory for the shims of agents that acpx knows by name (gemini, …). Default: as for `corral shim`. */
  shims?: string | undefined
}

const OPTIONS = new Set(['patienceMs', 'shims', 'parentKeyOf', 'limits', 'graceMs'])

interface Launched {
  key: string
  entry: CommandLine
}

/**
 * Prepares an instance for agents of acpx. Close it before the instance.
 * @throws InvalidArgumentError
 * @throws KernelError when it cannot create a private directory for its socket in TMPDIR, /tmp, /dev/shm or XDG_RUNTIME_DIR.
 */
export async function containAcpx(corral: Corral, options: AcpxOptions = {}): Promise<AcpxContainment> {
  assertOptions(options, 'containAcpx()', OPTIONS)
  const patienceMs = parseMilliseconds('patienceMs', options.patienceMs ?? 5000)
  return new AcpxContainment(corral, await Admission.open(), { ...options, patienceMs })
}

export class AcpxContainment {
  readonly #admission: Admission
  readonly #sessions: AcpxSessions
  readonly #options: AcpxOptions & { patienceMs: number }
  /** Between onBeforeSpawn and the end of the process, by launchId. */
  readonly #launched = new Map<string, Launched>()
  #closed = false

  /** Use containAcpx(). */
  constructor(corral: Corral, admission: Admission, options: AcpxOptions & { patienceMs: number }) {
    this.#admission = admission
    this.#sessions = new AcpxSessions(corral, options)
    this.#options = options
  }

  /**
   * Options for createAcpRuntime() that contain everything it starts: registry, environment, process lifecycle.
   * @throws InvalidArgumentError for `terminal: true`: acpx itself starts the commands of terminals, outside of any session.
   * Without client terminals, agents run their commands themselves, inside the session.
   */
  options(options: AcpRuntimeOptions): AcpRuntimeOptions {
    if (options.terminal === true)
      throw new InvalidArgumentError('terminal: true would have acpx start commands outside of the session', {
        hint: 'Leave it out: agents then run their commands themselves, in the session',
      })
    return {
      ...options,
      terminal: false,
      agentRegistry: this.registry(options.agentRegistry),
      agentProcessEnv: { ...options.agentProcessEnv, ...this.agentProcessEnv },
      processLifecycle: this.lifecycle(options.processLifecycle),
    }
  }

  /** The registry, with commands that can be contained. */
  registry<Registry extends AcpAgentRegistry>(registry: Registry): Registry {
    return containedRegistry(registry, this.#options)
  }

  /** Variables that the agents' environment needs. */
  get agentProcessEnv(): Record<string, string> {
    return { [ADMISSION_VARIABLE]: this.#admission.name }
  }

  /** The process hooks for acpx, which call yours too. */
  lifecycle(yours: AcpProcessLifecycle = {}): Required<AcpProcessLifecycle> {
    return {
      onBeforeSpawn: async (launch) => {
        await yours.onBeforeSpawn?.(launch)
        await this.#prepare(launch)
      },
      onSpawned: async (started) => {
        this.#admit(started)
        await yours.onSpawned?.(started)
      },
      onSpawnFailed: async (failure) => {
        this.#launched.delete(failure.launchId)
        await yours.onSpawnFailed?.(failure)
      },
      onExit: async (exit) => {
        await Promise.all([this.#leave(exit), yours.onExit?.(exit)])
      },
    }
  }

  get processLifecycle(): Required<AcpProcessLifecycle> {
    return this.lifecycle()
  }

  /** The runtime, with a close, cancel, reset and shutdown that always end the session too. */
  contain<Runtime extends AcpRuntime>(runtime: Runtime): Runtime {
    return new ContainedRuntime(runtime, this.#sessions, this.#options.patienceMs).proxy()
  }

  /** Ends all sessions of acpx. @throws AggregateError, StuckError */
  async close(): Promise<void> {
    this.#closed = true
    try {
      await Promise.all(this.#sessions.keys().map((key) => this.#sessions.end(key, 'acpx-closed')))
    } finally {
      await this.#admission.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #prepare(launch: AcpProcessLaunch): Promise<void> {
    if (this.#closed) throw new ClosingError('the containment of acpx is closed')
    if (!isAdmitted(launch))
      throw new InvalidArgumentError(`'${launch.command}' would be started outside of any session`, {
        hint: 'Pass the options() or the registry() of the containment to createAcpRuntime()',
      })
    const key = keyOf(launch)
    const { entry } = await this.#sessions.open(key, agentOf(launch))
    this.#launched.set(launch.launchId, { key, entry })
  }

  #admit({ launchId, pid }: AcpProcessStarted): void {
    const launched = this.#launched.get(launchId)
    const held = launched && this.#sessions.get(launched.key)
    if (!launched || !held) throw new ClosingError('the session was closed while its agent started')
    held.launches.add(launchId)
    this.#admission.admit(pid, launched.entry)
  }

  async #leave({ launchId, pid }: AcpProcessExit): Promise<void> {
    this.#admission.forget(pid)
    const launched = this.#launched.get(launchId)
    this.#launched.delete(launchId)
    if (launched) await this.#sessions.left(launched.key, launchId)
  }
}

/** What acpx starts for no session of its own (a probe, `inspectAgentModels`) has one of its kind. */
function keyOf({ scope }: AcpProcessLaunch): string {
  if (scope.kind === 'runtime-session') return scope.sessionKey
  return scope.kind === 'runtime-probe' ? `acpx-probe:${scope.agent}` : 'acpx-client'
}
