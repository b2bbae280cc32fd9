// Who answers for a process, on machines that the tests do not run on: their process tables, as /proc would give them.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { knownProgram } from '../../../src/orphans/agents.js'
import { standingOf } from '../../../src/orphans/ancestry.js'
import type { ProcessFacts } from '../../../src/orphans/processes.js'

const NOW_TICKS = Math.floor(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 100)
// Above any pid there is (PID_MAX_LIMIT), so that nothing of this machine's /proc is mixed in
const BEYOND = 2 ** 23

interface Row {
  pid: number
  ppid: number
  command: string
  terminal?: number
  first?: boolean
  /** How long ago it was started, in s. */
  age?: number
}

/** A table; pids above 1 are lifted out of this machine's. */
function machine(...rows: Row[]) {
  const lift = (pid: number) => (pid > 1 ? pid + BEYOND : pid)
  const facts = rows.map(
    ({ pid, ppid, command, terminal = 0, first = pid === 1, age = pid === 1 ? 5000 : 60 }): ProcessFacts => {
      const argv = command.split(' ')
      const startTicks = NOW_TICKS - age * 100
      return {
        pid: lift(pid),
        ppid: lift(ppid),
        name: 'x',
        argv,
        uid: 0,
        startTicks,
        terminal,
        cgroup: '/',
        first,
      }
    },
  )
  const all = new Map(facts.map((one) => [one.pid, one]))
  return (pid: number) => {
    const found = all.get(lift(pid))
    if (!found) throw new Error(`there is no ${pid} in this table`)
    const { orphan, why } = standingOf(found, all, ({ argv }) => knownProgram(argv) !== undefined)
    return { orphan, why: why.replaceAll(/\d{7,}/g, (pid) => String(Number(pid) - BEYOND)) }
  }
}

const INIT: Row = { pid: 1, ppid: 0, command: '/sbin/init' }

describe('an orphan', () => {
  test('is an agent that the machine’s init has taken in', () => {
    const standing = machine(INIT, { pid: 9, ppid: 1, command: 'claude-agent-acp' })
    expect(standing(9)).toEqual({ orphan: true, why: 'its parent is gone (now it is 1, init)' })
  })

  test('is one that systemd --user has taken in', () => {
    const user = { pid: 5, ppid: 1, command: '/lib/systemd/systemd --user', age: 4000 }
    const standing = machine(INIT, user, { pid: 9, ppid: 5, command: 'node /x/codex-acp' })
    expect(standing(9)).toEqual({ orphan: true, why: 'its parent is gone (now it is 5, systemd)' })
  })

  test('is every agent below one', () => {
    const standing = machine(
      INIT,
      { pid: 7, ppid: 1, command: 'npm exec claude-agent-acp' },
      { pid: 8, ppid: 7, command: 'node /x/claude-agent-acp' },
      { pid: 9, ppid: 8, command: 'claude' },
    )
    expect(standing(9)).toEqual({
      orphan: true,
      why: 'its parent chain ends with 7 npm exec claude-agent-acp, whose parent is gone (now it is 1, init)',
    })
  })

  test.each(['/usr/bin/containerd-shim-runc-v2 -id 1', '/usr/bin/conmon -c 1', '/init'])(
    'is one that %s has taken in',
    (command) => {
      const standing = machine(
        INIT,
        { pid: 5, ppid: 1, command, age: 4000 },
        { pid: 9, ppid: 5, command: 'claude' },
      )
      expect(standing(9).orphan).toBe(true)
    },
  )

  test('is one that a container’s init has taken in', () => {
    const tini = { pid: 5, ppid: 1, command: 'tini -- gateway', first: true, age: 4000 }
    const standing = machine(INIT, tini, { pid: 9, ppid: 5, command: 'claude' })
    expect(standing(9).orphan).toBe(true)
  })
})

describe('no orphan', () => {
  test('is an agent of a gateway that lives, at any depth', () => {
    const standing = machine(
      INIT,
      { pid: 6, ppid: 1, command: 'node /srv/gateway.js' },
      { pid: 7, ppid: 6, command: 'npm exec claude-agent-acp' },
      { pid: 8, ppid: 7, command: 'sh -c claude-agent-acp' },
      { pid: 9, ppid: 8, command: 'claude-agent-acp' },
    )
    expect(standing(9)).toEqual({
      orphan: false,
      why: 'its parent chain leads to the living program 6 node /srv/gateway.js',
    })
  })

  test.each(['-bash', 'bash -i', '/usr/bin/zsh -l'])('is one that %s was typed into', (command) => {
    const standing = machine(
      INIT,
      { pid: 5, ppid: 1, command, terminal: 34816 },
      { pid: 9, ppid: 5, command: 'claude' },
    )
    expect(standing(9).why).toMatch(/^its parent chain leads to the living interactive shell 5 /)
  })

  test('is an agent in tmux', () => {
    const standing = machine(
      INIT,
      { pid: 5, ppid: 1, command: 'tmux new claude' },
      { pid: 9, ppid: 5, command: 'claude' },
    )
    expect(standing(9)).toMatchObject({ orphan: false, why: expect.stringContaining('5 tmux new claude') })
  })

  test('is one whose gateway is the first process of its container', () => {
    const standing = machine(
      { pid: 1, ppid: 0, command: 'node /srv/gateway.js' },
      { pid: 9, ppid: 1, command: 'claude' },
    )
    expect(standing(9).why).toBe('its parent chain leads to the living program 1 node /srv/gateway.js')
  })

  test('is what a container was started for', () => {
    const tini = { pid: 1, ppid: 0, command: 'tini -- claude-agent-acp' }
    const standing = machine(tini, { pid: 9, ppid: 1, command: 'claude-agent-acp', age: 4999 })
    expect(standing(9).why).toMatch(/started together with 1 tini/)
  })

  test('is the first process of a container', () => {
    const shim = { pid: 5, ppid: 1, command: 'containerd-shim', age: 4000 }
    const standing = machine(INIT, shim, { pid: 9, ppid: 5, command: 'claude-agent-acp', first: true })
    expect(standing(9).why).toMatch(/is the first process of a pid namespace$/)
  })

  test('is one that came into this pid namespace from outside', () => {
    const standing = machine(INIT, { pid: 9, ppid: 0, command: 'claude-agent-acp' })
    expect(standing(9).why).toMatch(/is outside of this pid namespace$/)
  })

  test('is one whose parent cannot be seen', () => {
    const standing = machine(INIT, { pid: 9, ppid: 8, command: 'claude-agent-acp' })
    expect(standing(9)).toMatchObject({ orphan: false, why: expect.stringMatching(/cannot be seen$/) })
  })
})
