// `npm run demo` shows the leak and its end, exits accordingly, and cleans up whichever way it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { entering, members, subdirectories } from '../../bench/demo/pen.mjs'
import { eventually, SLOWNESS } from '../support/eventually.js'
import { test } from './penned.js'

const DEMO = fileURLToPath(new URL('../../bench/demo/main.mjs', import.meta.url))
const SESSIONS = 2

const HIDE = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'

/** The two ways in which it counts: in a room of our pen, and without cgroups, when that room counts what it does not know of. */
const PLACES: [name: string, counts: string, demo: (room: string, words: string[]) => [string, string[]]][] =
  [
    [
      'in a cgroup',
      'in a cgroup of its own',
      (room, [node = '', ...words]) => [node, [...words, '--pen', room]],
    ],
    [
      'where there is no cgroup',
      'by a mark',
      (room, words) => {
        const { command, args } = entering(room, 'unshare', ['--mount', 'sh', '-c', HIDE, 'sh', ...words])
        return [command, args]
      },
    ],
  ]

describe.for(PLACES)('the demo %s', ([, counts, within]) => {
  function demo(room: string, scratch: string) {
    const [command, args] = within(room, [process.execPath, DEMO, '--sessions', String(SESSIONS)])
    return spawn(command, args, {
      // What it writes goes where we clean up: killed, it cannot.
      env: { ...process.env, TMPDIR: scratch },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 80_000 * SLOWNESS,
    })
  }

  test('counts survivors of the ordinary way and none of Corral', async ({ pen, scratch }) => {
    const room = pen.room('demo')
    const child = demo(room, scratch)
    const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])

    expect(stdout).toContain(`Counted ${counts}`)
    const rows = stdout
      .split('\n')
      .filter((line) => /^(oneshot completion|parent reset|gateway SIGKILL)/.test(line))
    const columns = rows.map((line) =>
      /(\d+) +(\d+) +(\d+) MB +(\d+) +(\d+) MB$/.exec(line)?.slice(1).map(Number),
    )
    // 7 processes a session before; the ordinary way loses only the leader that it signals, and in a crash
    // not even that.
    const before = 7 * SESSIONS
    expect(columns).toEqual([
      [before, 6 * SESSIONS, expect.any(Number), 0, 0],
      [before, 6 * SESSIONS, expect.any(Number), 0, 0],
      [before, before, expect.any(Number), 0, 0],
    ])
    for (const [, , megabytes] of columns as number[][]) expect(megabytes).toBeGreaterThan(0)
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^PASS: /)
    expect(code).toBe(0)
    expect([members(room), subdirectories(room)]).toEqual([[], []])
  })

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`leaves nothing in its pen after ${signal}`, async ({ pen, scratch }) => {
      const room = pen.room('demo')
      const child = demo(room, scratch)
      const exited = once(child, 'exit')
      // Agents are up, and more than one gateway's.
      await eventually('agents are up', () => members(room).length > 10, { withinMs: 30_000 })

      child.kill(signal)
      await exited

      await eventually('nothing is left', () => [...members(room), ...subdirectories(room)].length === 0)
    })
  }
})
