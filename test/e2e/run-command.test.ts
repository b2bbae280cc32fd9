// `corral run` as a part of a pipeline, and the endings of an agent behind it with the small one of the demo:
// needs no download.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect } from 'vitest'
import { standInAgent } from '../../bench/demo/agents.mjs'
import { entering } from '../../bench/demo/pen.mjs'
import { stays } from '../support/eventually.js'
import { contained } from './client.js'
import { test } from './penned.js'
import { describeRunEndings } from './run-endings.js'

describe('corral run', () => {
  test('passes stdin, stdout, stderr and the exit status through', async ({ pen }) => {
    const bytes = randomBytes(1 << 20)
    const script = { command: 'sh', args: ['-c', 'cat; echo to stderr >&2; exit 7'] }
    const run = contained(pen.room('root'), script)
    const { command, args } = entering(pen.room('client'), run.command, run.args)
    const child = spawn(command, args, { stdio: 'pipe' })
    // A command that failed to start does not read them; the exit status tells.
    child.stdin.on('error', () => {})
    child.stdin.end(bytes)
    const said = text(child.stderr)
    const closed = once(child, 'close')
    // Nobody reads yet: a command with more to say than a pipe holds has to wait for us, as it would without
    // `corral run`, and not to be told that its output would block.
    await stays(() => true, { forMs: 500, why: 'the pipe is full, or the command is over' })
    const [stdout, stderr, [code]] = await Promise.all([buffer(child.stdout), said, closed])
    expect(stderr).toBe('to stderr\n')
    expect(code).toBe(7)
    expect(stdout.equals(bytes)).toBe(true)
  })
})

describe('the stand-in agent behind corral run', () => {
  describeRunEndings(standInAgent)
})
