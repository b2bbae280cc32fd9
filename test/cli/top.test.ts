// `corral top` in front of somebody: what lives, as it changes, and its end at a key.
import { describe, expect, test as plain } from 'vitest'
import { columnsOf } from '../../src/cli/output.js'
import { rowsOf, type TopState } from '../../src/cli/top-rows.js'
import { screen, sparkline } from '../../src/cli/top-screen.js'
import { eventually } from '../support/eventually.js'
import { openInPen } from '../support/open-in-pen.js'
import { test } from '../support/pen-test.js'
import { openTerminal } from '../support/terminal.mjs'
import { CLI, corral } from './command-line.js'

const DOWN = '\x1b[B'
const UP = '\x1b[A'
const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const

const top = (root: string, ...options: string[]) =>
  openTerminal(process.execPath, [CLI, 'top', '--root', root, '--interval', '100', ...options])

describe('corral top', () => {
  test('shows sessions as they come and go, until q', async ({ pen }) => {
    const gateway = await openInPen(pen)
    using terminal = top(pen.path)
    await terminal.shows(/^0 sessions of 1 instance · 0 processes/)
    await terminal.shows(/^no sessions$/)
    const session = await gateway.spawn({ ...sleeper, key: 'child', parentKey: 'mother' })
    await terminal.shows(/^1 session of 1 instance · 1 process/)
    await terminal.shows(/^mother +\(parent\) +1 +\d+\.\d/)
    await terminal.shows(/^ {2}child +persistent +\d+\.\ds +1 +\d+\.\d +\S+ .* sleep 1000$/)
    await session.close({ graceMs: 0 })
    await terminal.shows(/^no sessions$/)
    terminal.type('q')
    expect(await terminal.exited).toMatchObject({ exitCode: 0, signal: 0 })
  })

  test('ends the session that is chosen, once that is confirmed, and no other', async ({ pen }) => {
    const [one, other] = [await openInPen(pen), await openInPen(pen)]
    // Of one key, in two instances
    await one.spawn({ ...sleeper, key: 'twin' })
    await other.spawn({ ...sleeper, key: 'twin' })
    using terminal = top(pen.path)
    await terminal.shows(/^2 sessions of 2 instances/)
    terminal.type('k')
    await terminal.shows(/^choose a session first$/)
    terminal.type(DOWN)
    await terminal.shows(/↑↓ choose/)
    terminal.type(`${DOWN}${DOWN}${UP}`)
    const first = await terminal.shows(/^twin .*sleep 1000$/)
    await eventually(
      'the first is marked',
      () => terminal.styleOf(first).inverse && !terminal.styleOf(first + 1).inverse,
    )
    terminal.type('k')
    await terminal.shows(/^end twin with all its processes\? y or n$/)
    terminal.type('n')
    await terminal.shows(/↑↓ choose/)
    expect(await pen.members()).toHaveLength(2)
    terminal.type('k')
    await terminal.shows(/^end twin/)
    terminal.type('y')
    await terminal.shows(/^twin: gone \(1 killed\)$/)
    await terminal.shows(/^1 session of 2 instances/)
    expect(await pen.members()).toHaveLength(1)
    terminal.type('\x03')
    expect(await terminal.exited).toMatchObject({ exitCode: 0 })
  })

  test('can be asked for the largest, fits the terminal, and ends on SIGTERM', async ({ pen }) => {
    const gateway = await openInPen(pen)
    for (let i = 10; i < 40; i++) await gateway.spawn({ ...sleeper, key: `sleeper-${i}` })
    const many = await gateway.spawn({ ...sleeper, key: 'zz-many' })
    await many.spawn('sleep', ['1000'])
    using terminal = top(pen.path)
    await terminal.shows(/^sleeper-10 /)
    expect(terminal.lines().join('\n')).not.toContain('zz-many')
    terminal.type('p')
    expect(await terminal.shows(/^zz-many /)).toBe(2)
    terminal.resize(60, 8)
    // A screen arrives in pieces: all that is to be on it is waited for at once
    await eventually('the whole of it fits', () => {
      const [first = '', , ...others] = terminal.lines()
      const shown = others.filter((line) => /^(sleeper|zz)-/.test(line))
      return /^31 sessions of 1 instance · 32 processes/.test(first) && shown.length === 4
    })
    terminal.signal('SIGTERM')
    expect(await terminal.exited).toMatchObject({ exitCode: 0 })
  })

  test('shows them in a terminal that does not know its size', async ({ pen }) => {
    const gateway = await openInPen(pen)
    await gateway.spawn({ ...sleeper, key: 'child' })
    using terminal = openTerminal(
      'sh',
      ['-c', `stty rows 0 columns 0; "$@"`, 'sh', process.execPath, CLI, 'top', '--root', pen.path],
      80,
    )
    await terminal.shows(/^child .* sleep 1000$/)
    terminal.type('q')
    expect(await terminal.exited).toMatchObject({ exitCode: 0, signal: 0 })
  })

  test('leaves nothing of a wider terminal in a narrower one', async ({ pen }) => {
    const gateway = await openInPen(pen)
    for (const key of ['one', 'two']) await gateway.spawn({ ...sleeper, key })
    using terminal = top(pen.path)
    await terminal.shows(/^2 sessions of 1 instance/)
    terminal.resize(30, 12)
    await eventually('there are five lines on it', () => {
      const [first = '', heading = '', ...others] = terminal.lines()
      const whole = /^2 sessions/.test(first) && /^SESSION/.test(heading)
      return whole && others.filter(Boolean).length === 3
    })
    terminal.type('q')
    expect(await terminal.exited).toMatchObject({ exitCode: 0 })
  })

  // What an emulator of Unicode 6 takes for one column, and others for two, cannot be in line with the others in each
  test('has the columns in line, and each session on a line, whatever the keys are written in', async ({
    pen,
  }) => {
    const gateway = await openInPen(pen)
    const inLine = {
      wide: '会话:用户-一二三四五',
      'combining marks': 'e\u0301\u0300o\u0308:नमस्ते',
      'Hangul in parts': '\u1112\u1161\u11ab\u1100\u1173\u11af',
      halfwidth: 'ｱｲｳ ＡＢ',
      plain: 'agent:plain',
    }
    const others = { emoji: 'a:🐎🐎🐎', joined: '👩\u200d🚀', long: '一二三四五六七八九十'.repeat(6) }
    for (const key of [...Object.values(inLine), ...Object.values(others)])
      await gateway.spawn({ ...sleeper, key })
    using terminal = top(pen.path)
    terminal.resize(300, 20)
    await terminal.shows(/^8 sessions of 1 instance/)
    for (const key of ['一二三四五六七八九十一二', 'a:🐎🐎🐎', '👩\\u200d🚀'])
      await eventually(
        `${key} is shown`,
        () => terminal.lines().filter((shown) => shown.startsWith(key)).length === 1,
      )
    const headed = terminal.columnOf(1, 'MODE')
    expect(headed).toBeGreaterThan(100)
    for (const key of Object.values(inLine)) {
      const columns = () =>
        terminal.columnOf(
          terminal.lines().findIndex((shown) => shown.startsWith(key)),
          'persistent',
        )
      await eventually(`${key} is in line`, () => columns() === headed, {
        instead: () => [columns(), headed, terminal.lines()],
      })
    }
    using narrow = openTerminal(process.execPath, [CLI, 'top', '--root', pen.path], 50, 14)
    await eventually(
      'each has a line that fits',
      () => {
        const [first = '', ...shown] = narrow.lines()
        const keys = [...Object.values(inLine), 'a:🐎', '👩', '一二三四五…']
        return (
          /^8 sessions/.test(first) &&
          keys.every((key) => shown.filter((one) => one.startsWith(key)).length === 1)
        )
      },
      { instead: () => narrow.lines() },
    )
    expect(narrow.lines().filter(Boolean)).toHaveLength(11)
  })

  test('narrows to a filter, shows the processes of a session, and tells its keys', async ({ pen }) => {
    const gateway = await openInPen(pen)
    await gateway.spawn({ ...sleeper, key: 'alpha' })
    const { process: leader } = await gateway.spawn({ ...sleeper, key: 'beta' })
    using terminal = top(pen.path)
    await terminal.shows(/^alpha /)
    terminal.type('/BET')
    await terminal.shows(/^filter: BET_$/)
    await eventually('alpha is not shown', () => !terminal.lines().some((one) => one.startsWith('alpha')))
    terminal.type(`\r${DOWN}\r`)
    await terminal.shows(/^beta: 1 process$/)
    await terminal.shows(new RegExp(`^${leader.pid} .* S .* sleep 1000$`))
    terminal.type('\x1b')
    await terminal.shows(/with BET$/)
    terminal.type('?')
    await terminal.shows(/^q Ctrl-C +quit$/)
    terminal.type(' ')
    await terminal.shows(/^beta /)
    terminal.type('\x1b')
    await terminal.shows(/^alpha /)
    terminal.type('q')
    expect(await terminal.exited).toMatchObject({ exitCode: 0 })
  })

  test('stops at Ctrl-Z, goes on in the foreground, and leaves the terminal as it was', async ({ pen }) => {
    const script =
      'echo before; "$@"; echo "stopped $?"; read -r line; fg >/dev/null; stty -a | grep -o " icanon"'
    const command = ['sh', process.execPath, CLI, 'top', '--root', pen.path]
    using terminal = openTerminal('sh', ['-m', '-c', script, ...command])
    await terminal.shows(/^0 sessions/)
    terminal.type('\x1a')
    await terminal.shows(/^stopped 148$/) // 128 and SIGTSTP
    terminal.type('\r')
    await terminal.shows(/^0 sessions/)
    terminal.type('q')
    await terminal.shows(/^before$/)
    await terminal.shows(/^ icanon$/)
    expect(await terminal.exited).toMatchObject({ exitCode: 0 })
  })

  test('prints as many looks as it is asked for in a batch', async ({ pen }) => {
    const gateway = await openInPen(pen)
    for (const key of ['alpha', 'beta']) await gateway.spawn({ ...sleeper, key })
    const words = ['top', '-b', '-n', '2', '--interval', '100', '--filter', 'beta', '--root', pen.path]
    const { status, stdout, stderr } = await corral(words)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const rows = [...stdout.matchAll(/^SESSION +MODE .*\n(beta .* sleep 1000)\n\n/gm)].map(
      ([, row = '']) => row,
    )
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatch(/ 1 +- /)
    expect(rows[1]).toMatch(/ 1 +\d+\.\d /)
    expect(stdout).not.toContain('alpha')
  })

  plain('is refused without a terminal', async () => {
    const { status, stdout, stderr } = await corral(['top'])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/corral top needs a terminal.*corral ls/s)
  })

  test.for(['0', '99', '1.5', 'soon'])('is refused with --interval %s', async (interval, { pen }) => {
    using terminal = top(pen.path, '--interval', interval)
    await terminal.shows(/--interval/)
    expect(await terminal.exited).toMatchObject({ exitCode: 2 })
  })
})

const usage = (memoryBytes: number, cpuUserMs: number) => ({ memoryBytes, cpuUserMs, cpuSystemMs: 0 })
const view = (key: string, memoryBytes: number, cpuUserMs: number, processes = 1) => ({
  key,
  path: `/${key}`,
  children: [],
  group: {
    path: `/${key}/agent`,
    mode: 'oneshot',
    command: key,
    startedAt: 0,
    processes,
    usage: usage(memoryBytes, cpuUserMs),
  },
})
const sight = (at: number, ...sessions: ReturnType<typeof view>[]) => ({
  at,
  instances: [
    {
      backend: 'cgroup' as const,
      instance: 'i',
      path: '/',
      alive: true,
      pid: 1,
      command: 'gateway',
      sessions,
    },
  ],
})

describe('what it shows', () => {
  const state: TopState = {
    before: sight(1000, view('a', 1, 100), view('b', 2, 0)),
    now: sight(3000, view('a', 1, 1100), view('b', 3 * 2 ** 20, 500), view('c', 2, 9000, 7)),
    order: 'cpu',
    filter: '',
    memory: new Map(),
    chosen: '/b',
    message: undefined,
  }
  const keys = (order: TopState['order']) => rowsOf({ ...state, order }).map(({ session }) => session.key)

  plain('CPU is what was used since the look before, of one CPU; nothing for who was not there', () => {
    expect(rowsOf(state).map(({ cpuPercent }) => cpuPercent)).toEqual([50, 25, undefined])
    expect(keys('cpu')).toEqual(['a', 'b', 'c'])
  })

  plain('the largest comes first', () => {
    expect(keys('memory')).toEqual(['b', 'c', 'a'])
    expect(keys('processes')).toEqual(['c', 'a', 'b'])
    expect(keys('tree')).toEqual(['a', 'b', 'c'])
  })

  plain('a filter leaves those that it fits, and those that they were asked for by', () => {
    const mother = { ...view('mother', 1, 1), children: [view('child', 2, 2), view('other', 4, 4)] }
    const tree: TopState = { ...state, now: sight(3000, mother as never), order: 'tree', filter: 'CHI' }
    expect(rowsOf(tree).map(({ session }) => session.key)).toEqual(['mother', 'child'])
    expect(rowsOf({ ...tree, order: 'memory' }).map(({ session }) => session.key)).toEqual(['child'])
    expect(rowsOf(tree)[0]?.family).toMatchObject({ processes: 3, memoryBytes: 7 })
  })

  plain('what is used of a cap has a colour, and memory a trend', () => {
    const capped = view('a', 95, 1)
    Object.assign(capped.group.usage, { memoryMaxBytes: 100 })
    const memory = new Map([['/a', [10, 50, 95]]])
    const [, , line] = screen({ ...state, now: sight(3000, capped), memory }, { columns: 200, rows: 9 })
    expect(line?.spans?.find(({ style }) => style === 'bad')?.text.trim()).toBe('95')
    expect(line?.spans?.map(({ text }) => text).join('')).toBe(line?.text)
    expect(line?.text).toContain(sparkline([10, 50, 95]))
    expect(sparkline([0, 50, 100])).toBe('▁▅█')
  })

  plain('what is no text for a terminal is escaped, and lines are cut', () => {
    const evil = { ...state, now: sight(3000, view('\x1b[2J\n', 1, 1)), chosen: undefined }
    const lines = screen(evil, { columns: 30, rows: 10 })
    expect(lines).toHaveLength(4)
    expect(lines[2]?.text).toMatch(/^\\u001b\[2J\\n /)
    for (const { text } of lines) expect(columnsOf(text)).toBeLessThanOrEqual(29)
  })
})
