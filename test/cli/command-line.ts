// The real `corral` command as a child process.
import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { corral as carryOut } from '../../src/cli/commands.js'
import { runInPen } from '../support/backend.js'
import { eventually } from '../support/eventually.js'
import { killBoth } from '../support/kill-both.js'
import { line } from '../support/line.js'
import type { Pen } from '../support/pen.js'

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

type Command = ChildProcessByStdio<Writable, Readable, Readable>

function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { CORRAL_ROOT: _, ...env } = process.env
  return { ...env, ...extra }
}

/** Starts it; it is killed when the test is over, should it still run. */
export function start(args: readonly string[], options: Pick<SpawnOptions, 'cwd' | 'env'> = {}): Command {
  const child = spawn(process.execPath, [CLI, ...args], {
    ...options,
    env: environment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // A command that ends without reading its input makes our writing fail; its exit status tells
  child.stdin.on('error', () => undefined)
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

export interface Outcome {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

interface Given extends Pick<SpawnOptions, 'cwd' | 'env'> {
  input?: string | Buffer
}

/** Runs it to its end. */
export async function corral(args: readonly string[], { input, ...options }: Given = {}): Promise<Outcome> {
  const { bytes, ...outcome } = await corralBytes(args, { ...options, ...(input !== undefined && { input }) })
  return { ...outcome, stdout: bytes.toString() }
}

/** As corral(), with what it printed as bytes. */
export async function corralBytes(args: readonly string[], { input, ...options }: Given = {}) {
  const child = start(args, options)
  child.stdin.end(input)
  const [bytes, stderr, [status, signal]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { status, signal, bytes, stderr }
}

/**
 * The same without a process of its own: for command lines that are refused before anything is done.
 */
export async function refused(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const [stdout, stderr] = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')]
  for (const stream of [stdout, stderr]) stream.mockReturnValue(true)
  for (const [name, value] of Object.entries({ CORRAL_ROOT: undefined, ...env })) vi.stubEnv(name, value)
  const textOf = ({ mock }: typeof stdout) => mock.calls.map(([text]) => text).join('')
  try {
    const status = await carryOut([...args])
    return { status, signal: null, stdout: textOf(stdout), stderr: textOf(stderr) }
  } finally {
    vi.unstubAllEnvs()
    for (const stream of [stdout, stderr]) stream.mockRestore()
  }
}

export interface Running {
  child: Command
  /** Resolves with exit status and signal. */
  exited: Promise<[status: number | null, signal: NodeJS.Signals | null]>
  /** Resolves with the first line of its output that fits. */
  says(pattern: RegExp): Promise<string>
}

/** `corral run` with a shell script that says `ready` when it is. */
export async function running(pen: Pen, options: readonly string[], script: string): Promise<Running> {
  const child = start(['run', ...runInPen(pen), ...options, '--', 'sh', '-c', script])
  child.stderr.on('data', (chunk) => process.stderr.write(`corral run: ${chunk}`))
  const exited = once(child, 'exit') as Running['exited']
  const says = (pattern: RegExp) => line(child.stdout, pattern)
  await says(/^ready$/)
  return { child, exited, says }
}

/** A session that lives until its input is closed. */
export const LIVING = 'echo ready; exec cat'

/** Where a link leads; '' for one that has just gone. */
export function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** The instance of a `corral run`: the directory whose lock it holds. */
function instanceOf(pid: number): string {
  const files = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`))
  const directory = files.find((file) => /\/corral\/i[0-9a-f]+$/.test(file))
  if (directory === undefined) throw new Error(`${pid} holds no instance: ${files.join(' ')}`)
  return basename(directory)
}

/** Kills a `corral run` and its guard, so that its session goes on without them. */
export async function orphan({ child }: Running, pen: Pen): Promise<void> {
  await killBoth(child, pen.path, instanceOf(child.pid ?? 0))
}

function blocks(pid: number, signal: NodeJS.Signals): boolean {
  const mask = /^SigBlk:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
}

/** Waits until a `corral run` takes signals: it blocks them, to read them when it is ready for them. */
export async function handlesSignals({ child }: Running): Promise<void> {
  await eventually('corral run handles signals', () => blocks(child.pid ?? 0, 'SIGTERM'))
}
