// What sessions and others write into names, labels and command lines reaches no terminal by any command, and decides nothing.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pino from 'pino'
import { describe, expect } from 'vitest'
import type { InstanceView } from '../../src/backend/outside.js'
import { stuckError } from '../../src/backend/stuck.js'
import { printable } from '../../src/common/text.js'
import { findCgroupMounts } from '../../src/linux/mounts.js'
import { addonPath, loadNative, wardenPath } from '../../src/native/addon.js'
import { warden } from '../kernel/warden/warden.js'
import { ALL_HOSTILE_TEXT, expectFit, HOSTILE_TEXT } from '../support/hostile-text.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import { test } from '../support/pen-test.js'
import { openTerminal } from '../support/terminal.mjs'
import { CLI, corral } from './command-line.js'

const EVIL = ALL_HOSTILE_TEXT
const evilKey = (name: string) => `${name}:${EVIL}`
const cat = { command: 'cat', mode: 'persistent' } as const

/** A gateway in the pen with a session of such a key, a command line of the same, and labels that it wrote itself. */
async function hostileSession(pen: Parameters<typeof openInPen>[0]) {
  const owner = await openInPen(pen)
  const session = await owner.spawn({
    key: evilKey('k'),
    command: 'cat',
    args: [EVIL, '-'],
    mode: 'persistent',
  })
  const labelled = await owner.spawn({ ...cat, key: 'labelled', parentKey: evilKey('parent') })
  for (const label of ['mode', 'command', 'killed', 'leader'])
    loadNative().setLabel(labelled.receipt.path, `user.corral.${label}`, EVIL)
  return { owner, session, labelled }
}

/** A name that is UTF-8 but for its end, as Corral has it. */
function cutOff(name: Buffer): string {
  const whole = new StringDecoder().write(name)
  const rest = name.subarray(Buffer.byteLength(whole))
  return whole + [...rest].map((byte) => String.fromCharCode(0xdc00 + byte)).join('')
}

function expectFitOutcome({ stdout, stderr }: { stdout: string; stderr: string }): void {
  expectFit(stdout)
  expectFit(stderr)
}

interface Listing {
  instances: InstanceView[]
}

describe('what a session writes', () => {
  test('is only shown by ls, and is in its JSON', async ({ pen }) => {
    const { owner } = await hostileSession(pen)
    loadNative().setLabel(join(pen.path, 'corral', owner.id), 'user.corral.command', EVIL)
    const human = await corral(['ls', '--root', pen.path])
    expectFit(human.stdout)
    expect(human.stdout.trimEnd().split('\n')).toHaveLength(5)
    expect(human.stdout).toContain('\\u001b]0;PWNED\\u0007')
    const { stdout } = await corral(['ls', '--json', '--root', pen.path])
    expectFit(stdout)
    const [instance] = (JSON.parse(stdout) as Listing).instances
    expect(instance?.command).toBe(EVIL)
    expect(instance?.sessions.map(({ key }) => key).sort()).toEqual([evilKey('k'), evilKey('parent')])
    const labelled = instance?.sessions.flatMap(({ children }) => children)[0]
    expect(labelled?.group).toMatchObject({ mode: EVIL, command: EVIL })
  })

  test('is only shown by top', async ({ pen }) => {
    await hostileSession(pen)
    using terminal = openTerminal(process.execPath, [CLI, 'top', '--root', pen.path], 120)
    await terminal.shows(/^2 sessions of 1 instance/)
    await terminal.shows(/^k:\\u001b\]0;PWNED\\u0007/)
    await terminal.shows(/^ {2}labelled/)
    terminal.type('\x1b[B')
    terminal.type('k')
    await terminal.shows(/^end \S+:\\u001b|^choose/)
    for (const shown of terminal.lines()) expectFit(shown)
    terminal.type('q')
    await terminal.exited
  })

  test.for([
    ['kill', []],
    ['kill --json', ['--json']],
    ['set', ['--cpu-weight', 'none']],
  ] as const)('is only shown by %s', async ([name, options], { pen }) => {
    await hostileSession(pen)
    const command = name.split(' ')[0] ?? ''
    const { stdout, stderr } = await corral([command, '--root', pen.path, ...options, evilKey('k')])
    expectFitOutcome({ stdout, stderr })
    expect(stdout + stderr).toMatch(/PWNED|CORRAL|controller|corral: /)
  })

  test('is only shown by metrics, and left out of completions', async ({ pen }) => {
    await hostileSession(pen)
    const { stdout } = await corral(['metrics', '--root', pen.path])
    expectFit(stdout)
    expect(stdout).toContain('PWNED')
    const { stdout: keys } = await corral(['completion', 'keys', '--root', pen.path])
    expect(keys).toBe('labelled\n')
  })

  test('is only shown by sweep, in the names of what it finds', async ({ pen }) => {
    const name = Buffer.from(`i${EVIL.replaceAll('/', '').replaceAll('\n', '')}`).subarray(0, 200)
    const corralDirectory = Buffer.from(join(pen.path, 'corral/'))
    mkdirSync(corralDirectory.toString(), { recursive: true })
    const directory = Buffer.concat([corralDirectory, name, Buffer.from([0xff])]) // and no UTF-8
    mkdirSync(directory)
    try {
      for (const options of [['--dry-run'], ['--dry-run', '--json'], [], ['--json']])
        expectFitOutcome(await corral(['sweep', '--root', pen.path, ...options]))
      for (const command of [['ls'], ['ls', '--json'], ['metrics'], ['completion', 'instances']])
        expectFitOutcome(await corral([...command, '--root', pen.path]))
    } finally {
      if (existsSync(directory)) rmdirSync(directory)
    }
  })

  test('is only shown by orphans', async ({ pen }) => {
    const script = 'setsid "$@" &'
    const stdio = ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit']
    // By a short name: the table has room for so much of a command line
    const cwd = fileURLToPath(new URL('./fixtures/', import.meta.url))
    const gateway = pen.spawn('/bin/sh', ['-c', script, 'sh', './claude-agent-acp', EVIL], { stdio, cwd })
    const exited = once(gateway, 'exit')
    const ready = await line(gateway.stdout as Readable, /^ready /)
    await exited
    const pid = ready.split(' ')[1] ?? ''
    for (const args of [[], ['--json'], ['--all'], ['--kill', pid]]) {
      const { stdout, stderr } = await corral(['orphans', ...args])
      expectFitOutcome({ stdout, stderr })
      expect(stdout).toContain('PWNED')
    }
  })

  test('is only shown by an error that names its processes', async ({ pen }) => {
    const owner = await openInPen(pen)
    // 15 bytes are a name: as many as fit
    const names = Object.values(HOSTILE_TEXT).map((text) =>
      Buffer.from(text.replaceAll(/[/\n]/g, '')).subarray(0, 15),
    )
    // As its name is its own to choose, whatever it runs
    const rename = `printf "$1" > /proc/self/comm; echo ready; read -r line`
    const octal = (name: Buffer) => [...name].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
    const sessions = await Promise.all(
      names.map((name) =>
        owner.spawn({ ...cat, command: 'bash', args: ['-c', rename, 'bash', octal(name)] }),
      ),
    )
    for (const { process } of sessions) await line(process.stdout as Readable, /^ready$/)
    const pids = sessions.map(({ process }) => process.pid)
    const error = stuckError(`session '${EVIL}'`, `/x${EVIL}`, pids, 0)
    expectFit(error.message)
    expect(error.message).toMatch(/\d+ \\u001b\]0;PWNED\\u0007 \(S\), /)
    expect(error.processes.map(({ name }) => name)).toEqual(names.map(cutOff))
  })
})

describe('a label that a session writes on its own group', () => {
  test.for(['corral-kill', 'oneshot-complete', EVIL])(
    'is never the reason in a report, and ends nothing: %o',
    async (word, { pen }) => {
      const owner = await openInPen(pen)
      const oneshot = await owner.spawn({ command: 'cat' })
      const persistent = await owner.spawn({
        command: 'sh',
        args: ['-c', 'sleep 1000 & exit'],
        mode: 'persistent',
      })
      await persistent.process.exited
      for (const { receipt } of [oneshot, persistent])
        loadNative().setLabel(receipt.path, 'user.corral.killed', word)
      // Word of the change has come when that of a later one has
      const look = persistent.members()
      expect(look).toHaveLength(1)
      oneshot.process.kill('SIGKILL')
      expect(await oneshot.closed).toMatchObject({ reason: 'oneshot-complete', signal: 'SIGKILL' })
      expect(persistent.state).toBe('running')
      expect(await persistent.close({ graceMs: 0, reason: 'mine' })).toMatchObject({ reason: 'mine' })
    },
  )

  test('is not the reason either where the session itself says that it is ended from outside', async ({
    pen,
  }) => {
    const owner = await openInPen(pen)
    // What `corral kill` does, by a member of the group: the claim, the label, its own end
    const script = `
      const module = { exports: {} }
      process.dlopen(module, process.argv[1])
      const group = process.argv[2] + require('fs').readFileSync('/proc/self/cgroup', 'utf8').match(/^0::(.*)$/m)[1]
      module.exports.claim(group + '/cgroup.stat')
      module.exports.setLabel(group, 'user.corral.killed', 'corral-kill')
      require('child_process').spawn('sleep', ['1000'], { stdio: 'ignore' })
      console.log('ready')
      setInterval(() => undefined, 1e6) // timer: keeps it alive`
    const session = await owner.spawn({
      command: process.execPath,
      args: ['-e', script, addonPath(), findCgroupMounts().mounts[0]?.point ?? ''],
      mode: 'persistent',
    })
    await line(session.process.stdout as Readable, /^ready$/)
    const helper = await session.spawn('cat')
    session.process.kill('SIGKILL')
    await session.process.exited
    helper.kill('SIGKILL')
    await helper.exited
    expect(session.state).toBe('running')
    expect((await session.close({ graceMs: 0 })).reason).toBe('closed')
  })
})

test('what is given on the command line is only shown by errors', async ({ pen }) => {
  const commands = [
    ['ls', '--root', `/x${EVIL}`],
    ['sweep', '--root', `/x${EVIL}`],
    ['metrics', '--root', `/x${EVIL}`],
    ['metrics', '--root', pen.path, '--listen', EVIL.replaceAll('/', '')],
    ['doctor', '--root', `/x${EVIL}`],
    ['doctor', '--json', '--root', `/x${EVIL}`],
    ['doctor', '--unit', EVIL],
    ['kill', '--root', pen.path, EVIL],
    ['kill', `--${EVIL}`],
    ['set', '--root', pen.path, EVIL, '--memory-max', EVIL],
    ['orphans', '--match', `(${EVIL}`],
    ['orphans', '--kill', EVIL],
    ['setup', EVIL],
    ['shim', EVIL],
    ['run', '--root', pen.path, '--', `/nowhere/${EVIL}`],
    ['run', '--backend', 'subreaper', '--', `/nowhere/${EVIL}`],
    ['run', '--behind-shims', '--', EVIL],
    [EVIL],
  ]
  for (const args of commands) {
    const { stdout, stderr } = await corral(args)
    expectFitOutcome({ stdout, stderr })
    expect(stdout + stderr).toMatch(/PWNED|no such session/)
  }
  expect(await pen.members()).toEqual([])
})

test('the warden writes out what src/common/text.ts writes out', async () => {
  const bad = Buffer.from([0x2f, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf8, 0xc0, 0x80, 0xe2, 0x80])
  const { stderr } = await warden(['run', '--root', `/x${EVIL.slice(0, 150)}会话🐎e\u0301`, '--', 'true'])
  expect(stderr).toBe(
    `corral: the root ${printable(`/x${EVIL.slice(0, 150)}会话🐎e\u0301`)} cannot be had: No such file or directory\n`,
  )
  const path = [...bad].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  const shell = `exec "$0" run --root "$(printf '${path}')" -- true`
  const bytes = await promisify(execFile)('sh', ['-c', shell, wardenPath()]).catch(({ stderr: told }) => told)
  expect(bytes).toMatch(
    /^corral: the root \/\\xff\\xc3\(\\xed\\xa0\\x80\\xf8\\xc0\\x80\\xe2\\x80 cannot be had/,
  )
})

test('the log of a gateway has it written out', async ({ pen }) => {
  const lines: string[] = []
  const owner = await openInPen(pen, { logger: pino({}, { write: (text) => void lines.push(text) }) })
  const session = await owner.spawn({ ...cat, key: evilKey('k'), parentKey: evilKey('p') })
  expect(basename(session.receipt.path)).toBe('agent')
  await session.close({ graceMs: 0, reason: EVIL })
  await owner.close()
  expect(lines.length).toBeGreaterThanOrEqual(3)
  for (const text of lines) expectFit(text)
  expect(lines.join('')).toContain('PWNED')
})
