// `corral run -- agent` where a host would start the agent itself: the conversation must not notice, and what
// the agent leaves must be gone once the host has closed it, even the hard way.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, vi } from 'vitest'
import { standInAgent } from '../../bench/demo/agents.mjs'
import { converse } from '../../bench/demo/conversation.mjs'
import { LEAVING_COMMAND, LEFTOVERS_PER_PROMPT, prompting } from '../../bench/demo/leftovers.mjs'
import { members, mounts } from '../../bench/demo/pen.mjs'
import { test } from './penned.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

function run(root: string, { command, args }: { command: string; args: string[] }) {
  return spawn(process.execPath, [CLI, 'run', '--root', root, '--', command, ...args], { stdio: 'pipe' })
}

/** The group of the agent below `corral run`, after a first turn that left processes behind. */
async function talk(child: ChildProcessWithoutNullStreams, scratch: string): Promise<string> {
  const file = join(scratch, 'cgroup')
  const prompt = prompting(`cat /proc/self/cgroup >'${file}'; ${LEAVING_COMMAND}`)
  const { stopReason } = await converse(child, { cwd: scratch, prompt })
  expect(stopReason).toBe('end_turn')
  const path = /^0::(\/.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown'
  const group = mounts()
    .map((mount) => join(mount, path))
    .find((candidate) => existsSync(candidate))
  if (group === undefined) throw new Error(`No cgroup directory is ${path}`)
  return group
}

async function expectGone(group: string) {
  const instance = group.replace(/(\/corral\/[^/]+)\/.*$/, '$1')
  await vi.waitFor(() => expect(existsSync(instance), `${instance} exists`).toBe(false), { timeout: 10_000 })
}

describe('corral run', () => {
  const agent = standInAgent()

  test('passes stdin, stdout, stderr and the exit status through', async ({ pen }) => {
    const bytes = randomBytes(1 << 20)
    const child = run(pen.path, { command: 'sh', args: ['-c', 'cat; echo to stderr >&2; exit 7'] })
    // A command that failed to start does not read them; the exit status tells.
    child.stdin.on('error', () => {})
    child.stdin.end(bytes)
    const said = text(child.stderr)
    const closed = once(child, 'close')
    // Nobody reads yet: a command with more to say than a pipe holds has to wait for us, as it would without
    // `corral run`, and not to be told that its output would block.
    await Promise.race([once(child, 'exit'), delay(500)])
    const [stdout, stderr, [code]] = await Promise.all([buffer(child.stdout), said, closed])
    expect(stderr).toBe('to stderr\n')
    expect(code).toBe(7)
    expect(stdout.equals(bytes)).toBe(true)
  })

  test('leaves nothing when the host closes it as hosts do', async ({ pen, scratch }) => {
    const child = run(pen.path, await agent)
    const exited = once(child, 'exit')
    const group = await talk(child, scratch)
    expect(members(group).length).toBeGreaterThanOrEqual((await agent).processes + LEFTOVERS_PER_PROMPT)

    child.stdin.end()
    await Promise.race([exited, delay(100)])
    child.kill('SIGTERM')
    await Promise.race([exited, delay(1500)])
    child.kill('SIGKILL')
    await exited

    await expectGone(group)
  })

  test('leaves nothing that a sweep does not collect when it is killed itself', async ({ pen, scratch }) => {
    const child = run(pen.path, await agent)
    const exited = once(child, 'exit')
    const group = await talk(child, scratch)

    child.kill('SIGKILL')
    await exited
    const sweep = spawn(process.execPath, [CLI, 'sweep', '--root', pen.path], { stdio: 'inherit' })
    const [status] = await once(sweep, 'exit')

    expect(status).toBe(0)
    await expectGone(group)
  })
})
