// The ledger that one line is written into for each session that ends: what it used, and how it ended. Output only: nothing is ever
// decided by it, no ending waits for it for long, and none fails by it. native/core/record.h makes lines, native/core/ledger.h writes them.
import path from 'node:path'
import {
  CorralError,
  explained,
  failure,
  InvalidArgumentError,
  isSystemError,
  KernelError,
  systemCodeOf,
} from '../common/errors.js'
import type { Log } from '../common/log.js'
import type { Reason } from '../common/reasons.js'
import { within } from '../common/within.js'
import type { Native } from '../native/addon.js'
import type { Account, BackendName, Killed, Usage } from './facts.js'

// A line takes 20 us. A file system that takes longer than this holds no further ending up.
const PATIENCE_MS = 1000

export interface LedgerPlan {
  /** Absolute. */
  path: string
  /** Whether lines have the arguments of commands. */
  args: boolean
}

/** How the warden is told of one. */
export function ledgerWords(plan: LedgerPlan | undefined): string[] {
  if (!plan) return []
  return ['--ledger', plan.path, ...(plan.args ? ['--ledger-args'] : [])]
}

/** What a reaper writes into the ledger where its gateway is gone: native/core/record.c takes it apart. */
export function packRecord(
  { path: file, args }: LedgerPlan,
  { id, instance, keys, program, command, startedAt }: RecordFacts,
): string {
  const [key, parentKey = ''] = keys.toReversed()
  const words = [file, id, instance, key, parentKey, program, args ? command : '', String(startedAt)]
  // A lone surrogate is a byte of a command line that is no UTF-8
  return words.map((word = '') => encodeURIComponent(word.replace(/\p{Cs}/gu, '\ufffd'))).join(' ')
}

interface RecordFacts {
  id: string
  instance: string
  /** From the eldest parent down to the session's own. */
  keys: readonly string[]
  program: string
  command: string
  startedAt: number
}

/** What a line has of a session beside what the kernel tells of its cgroup. */
export interface LedgerEntry {
  writer: 'library' | 'sweep'
  mechanism: BackendName
  instance: string
  /** What no other session of this boot has. A cgroup's is its own. */
  id?: string
  key?: string
  parentKey?: string | undefined
  /** The name of the program alone. */
  command?: string
  commandLine?: string
  reason: Reason
  startedAt?: number
  exitCode?: number | null
  signal?: NodeJS.Signals | null
  killed?: Killed
  /** What is known of that without a cgroup. */
  usage?: Usage
}

/** What all sessions of an instance have alike that another program ends. */
export type InstanceEntry = Pick<LedgerEntry, 'writer' | 'mechanism' | 'instance' | 'reason'>

/** The part that is known at the end. */
export type EndedEntry = Pick<
  LedgerEntry,
  'reason' | 'startedAt' | 'exitCode' | 'signal' | 'killed' | 'usage'
>

export class Ledger {
  readonly plan: LedgerPlan
  readonly #native: Native
  readonly #log: Log
  /** What has not been written in time, and is not waited for. */
  #behind: Promise<void> | undefined

  private constructor(native: Native, plan: LedgerPlan, log: Log) {
    this.#native = native
    this.plan = plan
    this.#log = log
  }

  /**
   * Looks whether lines can be written, and makes the file where there is none. What may pass by itself (a full disk, a file system that
   * does not answer) is told to the log alone.
   * @throws InvalidArgumentError where it is no regular file of this user. @throws KernelError where it cannot be opened.
   */
  static async open(native: Native, plan: LedgerPlan, log: Log): Promise<Ledger> {
    const ledger = new Ledger(native, plan, log)
    assertWritable(plan, await ledger.#append(''))
    return ledger
  }

  /** Writes the line of a session that has ended, before its cgroup is removed: its account, where it has one. Never rejects. */
  async record(account: Account | undefined, entry: LedgerEntry): Promise<void> {
    const { usage = {}, killed, id, ...rest } = entry
    const us = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms * 1000))
    await this.#write(() =>
      this.#native.recordSession(account?.group ?? '', {
        ...rest,
        ...(!account && { id }),
        memoryGroup: account?.memoryGroup,
        killed: killed?.count,
        killedNames: killed?.names,
        cpuUserUs: us(usage.cpuUserMs),
        cpuSystemUs: us(usage.cpuSystemMs),
        memoryPeakBytes: usage.memoryPeakBytes,
      }),
    )
  }

  /** The same of all sessions that are below the directory `sessions` of an instance. */
  async recordAll(sessions: string, instance: string, entry: InstanceEntry): Promise<void> {
    const { args } = this.plan
    await this.#write(() => this.#native.recordSessions(sessions, instance, { ...entry, args }))
  }

  async #write(make: () => Promise<string>): Promise<void> {
    try {
      const refused = await this.#append(await make())
      if (refused) this.#lost(refused)
    } catch (error) {
      this.#lost(error)
    }
  }

  #lost(error: unknown): void {
    const { path: ledger } = this.plan
    this.#log.warn('ledger not written', {
      err: explained(`the ledger ${ledger} cannot be written`, error),
      ledger,
    })
  }

  /** Gives why it could not be written. */
  async #append(lines: string): Promise<unknown> {
    let refused: unknown
    const written = this.#native.appendToLedger(this.plan.path, lines).then(
      () => undefined,
      (error) => {
        refused = error
      },
    )
    if (this.#behind) return new KernelError(NO_ANSWER, { path: this.plan.path })
    const inTime = await within(
      written.then(() => true),
      PATIENCE_MS,
    )
    if (inTime) return refused
    const behind = written.finally(() => {
      if (this.#behind === behind) this.#behind = undefined
    })
    this.#behind = behind
    return new KernelError(NO_ANSWER, { path: this.plan.path })
  }
}

const NO_ANSWER = `the file system of the ledger has not answered within ${PATIENCE_MS} ms`

/** Whether a refusal says nothing about what the file is. */
function mayPass(error: unknown): boolean {
  const passing = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO']
  return error instanceof CorralError || passing.includes(systemCodeOf(error) ?? '')
}

/** @throws as Ledger.open(), for what a look at the file was refused with. */
export function assertWritable({ path: file }: LedgerPlan, refused: unknown): void {
  if (refused !== undefined && !mayPass(refused)) throw refusal(file, refused)
}

function refusal(file: string, error: unknown): CorralError {
  const code = systemCodeOf(error)
  const step = isSystemError(error) ? error.syscall : undefined
  if (step === 'check owner')
    return new InvalidArgumentError(`the ledger ${file} belongs to another user`, {
      path: file,
      hint: 'Name a file of your own, or one in a directory that others cannot write to',
    })
  const kind = code === 'ELOOP' ? 'a symbolic link' : code === 'EISDIR' ? 'a directory' : 'no regular file'
  if (step === 'check kind' || ['ELOOP', 'EISDIR', 'ENXIO'].includes(code ?? ''))
    return new InvalidArgumentError(`the ledger ${file} is ${kind}`, {
      path: file,
      hint: 'Name a regular file, or one that is not there yet',
    })
  return failure(KernelError, `the ledger ${file} cannot be opened`, error, hintOf(code, file))
}

function hintOf(code: string | undefined, file: string): string | undefined {
  if (code === 'ENOENT' || code === 'ENOTDIR') return `Make the directory ${path.dirname(file)} first`
  if (code === 'EROFS') return 'Name a file on a file system that is not mounted read-only'
  return 'Name a file that this user may read and write'
}
