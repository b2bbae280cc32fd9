// The agent registry of acpx, with every command line led through admit.ts.
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { AcpAgentRegistry, AcpProcessLaunch } from 'acpx/runtime'
import { packageDirectory } from '../../native/addon.js'
import { splitWords } from '../agents/command-line.js'
import { needsShim } from '../agents/known.js'
import { shimDirectory } from '../shim/directory.js'
import { isShim, writeShim } from '../shim/script.js'

/** The words that lead through admit.ts. */
const admit = () => [process.execPath, join(packageDirectory(), 'dist/integrations/acpx/admit.js')]

export interface RegistryOptions {
  /** Where the shims are that agents need which acpx knows by their name. */
  shims?: string | undefined
}

/** The command line of an agent, as acpx is to start and to store it: the same each time. */
function admitted(agent: string, command: string | string[], directory: string): string[] {
  const argv = typeof command === 'string' ? splitWords(command, `agent '${agent}'`) : command
  if (!needsShim(argv)) return [...admit(), '--', ...argv]
  const [name = '', ...args] = argv
  mkdirSync(directory, { recursive: true })
  return [writeShim(directory, name, admit()), ...args]
}

/** Whether this is a launch of such a command line: no other is contained. */
export function isAdmitted({ command, args }: Pick<AcpProcessLaunch, 'command' | 'args'>): boolean {
  const [node, program] = admit()
  return (command === node && args[0] === program) || isShim(command)
}

/** The words that the agent itself was started with, for people. */
export function agentOf({ command, args }: Pick<AcpProcessLaunch, 'command' | 'args'>): string[] {
  return isShim(command) ? [basename(command), ...args] : args.slice(2)
}

export function containedRegistry<Registry extends AcpAgentRegistry>(
  registry: Registry,
  { shims }: RegistryOptions,
): Registry {
  const directory = join(shimDirectory(shims), 'acpx')
  return new Proxy(registry, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      if (name !== 'resolve') return value.bind(target)
      return (agent: string) => admitted(agent, target.resolve(agent), directory)
    },
  })
}
