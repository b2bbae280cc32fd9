// The terminals of an ACP client (terminal/create and its fellows), whose commands are the client's children: started in the
// session of the agent that asks for them.
import { randomUUID } from 'node:crypto'
import type {
  CreateTerminalRequest,
  CreateTerminalResponse,
  KillTerminalRequest,
  ReleaseTerminalRequest,
  TerminalOutputRequest,
  TerminalOutputResponse,
  WaitForTerminalExitRequest,
  WaitForTerminalExitResponse,
} from '@agentclientprotocol/sdk'
import { InvalidArgumentError } from '../../common/errors.js'
import type { ContainedProcess } from '../../session/process.js'
import type { AnySession } from '../../session/session.js'

/** What is kept of a terminal's output where the request says nothing, in bytes. */
const USUAL_OUTPUT_BYTES = 1024 * 1024

interface Terminal {
  process: ContainedProcess
  output: Buffer
  truncated: boolean
  limit: number
}

/** Handlers for the terminal requests of one agent. Each takes the request's parameters and returns its result. */
export class SessionTerminals {
  readonly #session: AnySession
  readonly #terminals = new Map<string, Terminal>()

  /** `session` is the agent's session. Its terminals end with it. */
  constructor(session: AnySession) {
    this.#session = session
  }

  /** @throws SpawnError, ClosingError */
  async create(request: CreateTerminalRequest): Promise<CreateTerminalResponse> {
    const { command, args, cwd, env, outputByteLimit } = request
    const extra = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]))
    // A command without arguments may be a whole line for a shell
    const words = args === undefined || args === null ? ['-c', command] : args
    const process = await this.#session.spawn(words === args ? command : '/bin/sh', words, {
      ...(cwd && { cwd }),
      env: { ...globalThis.process.env, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const limit = outputByteLimit ?? USUAL_OUTPUT_BYTES
    const terminal: Terminal = { process, output: Buffer.alloc(0), truncated: false, limit }
    for (const stream of [process.stdout, process.stderr])
      stream?.on('data', (chunk) => keep(terminal, chunk))
    const terminalId = randomUUID()
    this.#terminals.set(terminalId, terminal)
    return { terminalId }
  }

  output({ terminalId }: TerminalOutputRequest): TerminalOutputResponse {
    const { process, output, truncated } = this.#terminal(terminalId)
    const over = process.exitCode !== null || process.signalCode !== null
    const exitStatus = { exitCode: process.exitCode, signal: process.signalCode }
    return { output: output.toString(), truncated, ...(over && { exitStatus }) }
  }

  async waitForExit({ terminalId }: WaitForTerminalExitRequest): Promise<WaitForTerminalExitResponse> {
    const { code, signal } = await this.#terminal(terminalId).process.exited
    return { exitCode: code, signal }
  }

  /** Kills the terminal's command. What the command leaves ends with the session. */
  kill({ terminalId }: KillTerminalRequest): Record<string, never> {
    this.#terminal(terminalId).process.kill('SIGKILL')
    return {}
  }

  release({ terminalId }: ReleaseTerminalRequest): Record<string, never> {
    this.#terminal(terminalId).process.kill('SIGKILL')
    this.#terminals.delete(terminalId)
    return {}
  }

  #terminal(id: string): Terminal {
    const terminal = this.#terminals.get(id)
    if (!terminal) throw new InvalidArgumentError(`unknown terminal '${id}'`)
    return terminal
  }
}

/** Keeps the end of what was printed, from the beginning of a character on. */
function keep(terminal: Terminal, chunk: Buffer): void {
  const whole = Buffer.concat([terminal.output, chunk])
  let from = Math.max(0, whole.length - terminal.limit)
  if (from > 0) terminal.truncated = true
  while (from > 0 && from < whole.length && ((whole[from] ?? 0) & 0xc0) === 0x80) from++
  terminal.output = whole.subarray(from)
}
