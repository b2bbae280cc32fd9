// The options of openCorral(), spawn() and session.spawn(): what each becomes, and how the wrong ones are refused.
import { once } from 'node:events'
import { closeSync, createReadStream, openSync } from 'node:fs'
import { Readable } from 'node:stream'
import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/common/errors.js'
import {
  parseMilliseconds,
  parseOpenOptions,
  parseProcessOptions,
  parseSpawnOptions,
} from '../../src/session/options.js'

const instance = {
  defaults: { pidsMax: 100 },
  graceMs: 1234,
  inputGraceMs: undefined,
  stopSignal: 15,
  drainMs: 1000,
  machineMemory: () => 1000,
}
const spawnPlan = (options: object) =>
  parseSpawnOptions({ command: 'true', ...options }, instance, 'session-7')

function refusalOf(parse: () => unknown): InvalidArgumentError {
  try {
    parse()
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error
    throw error
  }
  throw new Error('it was accepted')
}

function expectRefused(parse: () => unknown, ...words: (string | RegExp)[]) {
  const { code, message } = refusalOf(parse)
  expect(code).toBe('CORRAL_INVALID_ARGUMENT')
  for (const word of words) expect(message).toMatch(word)
}

describe('openCorral()', () => {
  test('takes no options', () => {
    expect(parseOpenOptions(undefined)).toEqual({
      backend: 'auto',
      unsupported: 'reject',
      root: undefined,
      systemd: true,
      defaults: {},
      sessions: {},
      enforcement: 'required',
      graceMs: 2000,
      inputGraceMs: undefined,
      stopSignal: 15,
      drainMs: 1000,
      killTimeoutMs: 10_000,
      startTimeoutMs: 10_000,
      loginMark: false,
      sweep: true,
      logger: undefined,
      machineMemory: expect.any(Function),
    })
  })

  test('names an option that it does not know, and lists those that it does', () => {
    expectRefused(
      () => parseOpenOptions({ gracems: 5 } as object),
      "openCorral() has no option 'gracems'",
      'graceMs',
      'killTimeoutMs',
      'root',
      'sweep',
    )
  })

  test.each([
    ['a path', '/sys/fs/cgroup'],
    ['an array', []],
    ['a Map', new Map()],
    ['a number', 7],
  ])('takes an object, not %s', (_, options) => {
    expectRefused(() => parseOpenOptions(options as never), 'object of options')
  })

  test.each([
    ['root', ''],
    ['root', 7],
    ['root', '/sys\0fs'],
    ['enforcement', 'maybe'],
    ['systemd', 'no'],
    ['sweep', 'yes'],
    ['sweep', 1],
    ['graceMs', -1],
    ['graceMs', '2000'],
    ['killTimeoutMs', Number.NaN],
  ])('refuses %s: %o by its name', (name, value) => {
    expectRefused(() => parseOpenOptions({ [name]: value }), name)
  })
})

describe('a logger', () => {
  test.each([
    ['one of pino', pino({ enabled: false })],
    ['the console', console],
    ['a level', 'info' as const],
  ])('can be %s', (_, logger) => {
    expect(parseOpenOptions({ logger }).logger).toBe(logger)
  })

  test.each([
    ['null', null],
    ['a function', () => undefined],
    ['what has no debug()', { info() {}, warn() {}, error() {} }],
  ])('is not %s', (_, logger) => {
    expectRefused(() => parseOpenOptions({ logger: logger as never }), 'logger')
  })
})

describe('spawn()', () => {
  test('takes a command alone', () => {
    expect(spawnPlan({})).toEqual({
      key: 'session-7',
      parentKey: undefined,
      mode: 'oneshot',
      limits: { pidsMax: 100 },
      graceMs: 1234,
      inputGraceMs: undefined,
      stopSignal: 15,
      drainMs: 1000,
      timeoutMs: undefined,
      signal: undefined,
      process: {
        command: 'true',
        argv: ['true'],
        env: undefined,
        cwd: undefined,
        stdio: ['socket', 'socket', 'socket'],
        detached: false,
        uid: undefined,
        gid: undefined,
      },
    })
  })

  test('takes the key that is given, else the unused one', () => {
    expect(spawnPlan({ key: 'mine' }).key).toBe('mine')
    expect(spawnPlan({ key: undefined }).key).toBe('session-7')
  })

  test('names an option that it does not know, and lists those that it does', () => {
    expectRefused(
      () => spawnPlan({ shel: true }),
      "spawn() has no option 'shel'",
      'command',
      'parentKey',
      'stdio',
      'limits',
    )
  })

  test.each([undefined, null, 'true', ['true'], 7])('takes an object, not %o', (options) => {
    expectRefused(
      () => parseSpawnOptions(options as never, instance, 'session-7'),
      /^spawn\(\): expected an object/,
    )
  })

  test.each([[undefined], ['']])('refuses a command of %o and says what one is', (command) => {
    expectRefused(() => spawnPlan({ command }), 'no command to run', 'name or path')
  })

  test.each([null, 7, ['true'], {}])('refuses a command of %o', (command) => {
    expectRefused(() => spawnPlan({ command }), 'command')
  })

  test('refuses a session as its own parent', () => {
    expectRefused(() => spawnPlan({ key: 'a', parentKey: 'a' }), "'a' cannot be its own parent")
  })

  test('passes keys on as they are', () => {
    expect(spawnPlan({ key: '../x', parentKey: '/' })).toMatchObject({ key: '../x', parentKey: '/' })
  })

  test.each(['forever', '', 1, true, ['oneshot']])('refuses a mode of %o and names the two', (mode) => {
    expectRefused(() => spawnPlan({ mode }), 'mode', "'oneshot' or 'persistent'")
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '100', true])(
    'refuses a graceMs of %o',
    (graceMs) => {
      expectRefused(() => spawnPlan({ graceMs }), 'graceMs', 'milliseconds, 0 or more')
    },
  )

  test.each(['uid', 'gid'])('refuses a %s that is no numeric id', (name) => {
    for (const id of [-1, 1.5, '0', 'nobody', Number.NaN, 2 ** 32 - 1, null])
      expectRefused(() => spawnPlan({ [name]: id }), name, 'numeric id')
    expect(spawnPlan({ [name]: 0 }).process).toMatchObject({ [name]: 0 })
    expect(spawnPlan({ [name]: 65534 }).process).toMatchObject({ [name]: 65534 })
  })

  test.each([{}, true, new EventTarget()])('refuses a signal that is no AbortSignal: %o', (signal) => {
    expectRefused(() => spawnPlan({ signal }), 'signal', 'AbortSignal')
  })

  test('refuses a detached that is not true or false', () => {
    expectRefused(() => spawnPlan({ detached: 'yes' }), 'detached', 'true or false')
  })

  test.each([
    ['command', { command: 'tr\0ue' }],
    ['args[1]', { args: ['a', 'b\0'] }],
    ['argv0', { argv0: '\0' }],
    ['cwd', { cwd: '/tmp\0/x' }],
    ['env.NAME', { env: { NAME: 'a\0b' } }],
    ['env.', { env: { 'NA\0ME': 'a' } }],
  ])('refuses a NUL in %s', (name, options) => {
    const { message } = refusalOf(() => spawnPlan(options))
    expect(message).toContain(name)
    expect(message).toContain('NUL')
  })
})

describe('the arguments', () => {
  test('follow the name of the program, or argv0 in its place', () => {
    expect(spawnPlan({ args: ['a', ''] }).process.argv).toEqual(['true', 'a', ''])
    expect(spawnPlan({ args: ['a'], argv0: '-sh' }).process).toMatchObject({
      command: 'true',
      argv: ['-sh', 'a'],
    })
  })

  test.each(['-v', {}, null, 7])('are an array, not %o', (args) => {
    expectRefused(() => spawnPlan({ args }), 'args', 'an array of strings')
  })

  test.each([7, null, undefined, {}])('are strings: %o is refused by its place', (argument) => {
    const { message } = refusalOf(() => spawnPlan({ args: ['a', argument] }))
    expect(message).toContain('args[1]')
  })
})

describe('the environment', () => {
  test.each([[['A=1']], [new Map([['A', '1']])], ['A=1'], [null]])(
    'is an object of strings, not %o',
    (env) => {
      expectRefused(() => spawnPlan({ env }), 'Invalid env: expected an object of strings')
    },
  )

  test('leaves out what is undefined', () => {
    expect(spawnPlan({ env: { A: '1', B: undefined, C: '' } }).process.env).toEqual(['A=1', 'C='])
  })

  test('is empty when it is an empty object, and that of the caller by default', () => {
    expect(spawnPlan({ env: {} }).process.env).toEqual([])
    expect(spawnPlan({ env: process.env }).process.env).toBeUndefined()
  })

  test.each(['A=1', 7, null])('is an object, not %o', (env) => {
    expectRefused(() => spawnPlan({ env }), 'env', 'an object of strings')
  })
})

describe('stdio', () => {
  const stdio = (value: unknown) => spawnPlan({ stdio: value }).process.stdio

  test('is one word for all three, or one entry for each', () => {
    expect(stdio('pipe')).toEqual(['socket', 'socket', 'socket'])
    expect(stdio('fifo')).toEqual(['pipe-in', 'pipe-out', 'pipe-out'])
    expect(stdio('ignore')).toEqual(['ignore', 'ignore', 'ignore'])
    expect(stdio('inherit')).toEqual([0, 1, 2])
    expect(stdio(['ignore', 'inherit', 'fifo', 'pipe', 7])).toEqual(['ignore', 1, 'pipe-out', 'socket', 7])
  })

  test('is completed as child_process does it: pipes up to stderr, nothing beyond', () => {
    expect(stdio([])).toEqual(['socket', 'socket', 'socket'])
    expect(stdio(['ignore'])).toEqual(['ignore', 'socket', 'socket'])
    expect(stdio([null, undefined, 'ignore', null, undefined])).toEqual([
      'socket',
      'socket',
      'ignore',
      'ignore',
      'ignore',
    ])
  })

  test('takes a stream for its descriptor', () => {
    const file = openSync('/dev/null', 'r')
    const stream = createReadStream('', { fd: file, autoClose: false })
    expect(stdio([stream, process.stdout, process.stderr])[0]).toBe(file)
    closeSync(file)
    expect(stdio([{ fd: 5 }])[0]).toBe(5)
  })

  test('refuses a stream that has no descriptor, or none yet', async () => {
    expectRefused(() => stdio([Readable.from(['x'])]), 'stdio[0]', 'an open stream')
    const opening = createReadStream('/dev/null')
    expectRefused(() => stdio(['pipe', opening]), 'stdio[1]', 'an open stream')
    opening.destroy()
    await once(opening, 'close')
  })

  test.each(['tty', 'ipc', '', -1, 1.5, Number.NaN, true, {}])('refuses %o by its place', (entry) => {
    expectRefused(() => stdio(['pipe', 'pipe', entry]), 'stdio[2]', "'pipe', 'fifo', 'ignore', 'inherit'")
  })

  test.each(['tty', 'ipc', ''])('refuses the word %o for all', (word) => {
    expectRefused(() => stdio(word), 'stdio')
  })

  test.each([7, true, {}, null])('is a word or an array, not %o', (value) => {
    expectRefused(() => stdio(value), 'stdio', 'array')
  })

  test('has at most 64 entries', () => {
    expect(stdio(Array(64).fill('ignore'))).toHaveLength(64)
    expectRefused(() => stdio(Array(65).fill('ignore')), 'at most 64 entries', '65')
  })
})

describe('options of child_process that there are not', () => {
  test.each([
    ['shell', true, "['-c'"],
    ['shell', '/bin/zsh', "['-c'"],
    ['timeout', 1000, 'timeoutMs'],
    ['killSignal', 'SIGINT', 'stopSignal'],
    ['maxBuffer', 1000, 'what you read'],
    ['encoding', 'utf8', 'setEncoding()'],
  ])('%s: %o names what does the same', (name, value, word) => {
    expectRefused(() => spawnPlan({ [name]: value }), `spawn() has no option '${name}'`, word)
    expectRefused(() => parseProcessOptions('true', [], { [name]: value }), `'${name}'`, word)
  })

  test('are taken where they change nothing', () => {
    const without = { shell: false, timeout: 0, killSignal: 'SIGTERM', maxBuffer: Number.POSITIVE_INFINITY } // timer: an option
    const hidden = { windowsHide: true, windowsVerbatimArguments: false, encoding: undefined }
    expect(spawnPlan({ ...without, ...hidden })).toEqual(spawnPlan({}))
    expectRefused(() => parseProcessOptions('true', [], { signal: AbortSignal.abort() } as object), 'kill()')
  })

  test('cwd can be the URL of a file', () => {
    const url = new URL('file:///tmp/a%20b')
    expect(spawnPlan({ cwd: url }).process.cwd).toBe('/tmp/a b')
    expect(spawnPlan({ cwd: { href: url.href } }).process.cwd).toBe('/tmp/a b')
    expectRefused(() => spawnPlan({ cwd: new URL('http://x/') }), 'cwd', "'file:'")
    expectRefused(() => spawnPlan({ cwd: null }), 'cwd')
  })

  test('env has the variables of its prototype', () => {
    const env = Object.create({ INHERITED: '1' }, { OWN: { value: '2', enumerable: true } })
    expect(spawnPlan({ env }).process.env?.toSorted()).toEqual(['INHERITED=1', 'OWN=2'])
  })
})

describe('session.spawn()', () => {
  test('takes command, arguments and the options of a process', () => {
    const plan = parseProcessOptions('ls', ['-l'], { cwd: '/', stdio: 'ignore', uid: 1 })
    expect(plan).toMatchObject({ command: 'ls', argv: ['ls', '-l'], cwd: '/', uid: 1 })
    expect(parseProcessOptions('ls', undefined, undefined).argv).toEqual(['ls'])
  })

  test.each(['mode', 'limits', 'key', 'command'])('has no option %s: that is of the session', (name) => {
    expectRefused(
      () => parseProcessOptions('ls', [], { [name]: 'x' } as object),
      `session.spawn() has no option '${name}'`,
    )
  })

  test('refuses to start nothing', () => {
    expectRefused(() => parseProcessOptions(undefined, [], {}), 'no command to run')
  })
})

describe('milliseconds', () => {
  test('are rounded up, so that a little grace is not none', () => {
    expect(parseMilliseconds('graceMs', 0.1)).toBe(1)
    expect(parseMilliseconds('graceMs', 0)).toBe(0)
    expect(parseMilliseconds('graceMs', 2 ** 31 - 1)).toBe(2 ** 31 - 1)
  })
})
