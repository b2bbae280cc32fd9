// What others wrote is shown and not acted upon: the one place where it is made fit, and that there is no way around it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { columnsOf, complainOf, cut, padded, table } from '../../src/cli/output.js'
import { KernelError, StuckError } from '../../src/common/errors.js'
import { Log } from '../../src/common/log.js'
import { json, printable } from '../../src/common/text.js'
import { ALL_HOSTILE_TEXT, expectFit, HOSTILE_TEXT } from '../support/hostile-text.js'

describe('printable()', () => {
  test.for(Object.entries(HOSTILE_TEXT))('writes out %s, in one line', ([, text]) => {
    expectFit(printable(text))
    expect(printable(text)).not.toContain('\n')
    expect(printable(printable(text))).toBe(printable(text))
  })

  test('writes it so that it is seen what it was', () => {
    expect(printable('\x1b[2J\n\x9b\u202e\u{e0041}\x7f')).toBe('\\u001b[2J\\n\\u009b\\u202e\\u{e0041}\\u007f')
    expect(printable('a\ud83d b\udc00')).toBe('a\\ud83d b\\udc00')
    expect(printable(Buffer.from([0x61, 0xff, 0x62]).toString())).toBe('a\ufffdb')
  })

  test('leaves text of any language as it is', () => {
    for (const text of ['agent:main/1 %C3 \\', 'Grüße', '会话', '🐎', 'e\u0301', 'שלום', 'नमस्ते'])
      expect(printable(text)).toBe(text)
  })
})

describe('json()', () => {
  test.for(Object.entries(HOSTILE_TEXT))('escapes %s, and means the same', ([, text]) => {
    const value = { [text]: [text, { nested: text }] }
    expectFit(json(value))
    expect(JSON.parse(json(value))).toEqual(value)
  })

  test('is JSON.stringify() for all else', () => {
    const value = { a: ['x', 1, null, true], b: { c: '会话 🐎' }, d: undefined }
    expect(json(value)).toBe(JSON.stringify(value, null, 2))
    expect(JSON.parse(json('\ud83d'))).toBe('\ud83d')
  })
})

describe('an error', () => {
  test('has a message for people, and what it is about as it is', () => {
    const evil = ALL_HOSTILE_TEXT
    const error = new StuckError(evil, [{ pid: 1, name: evil, state: 'D' }], { path: evil, hint: evil })
    expectFit(error.message)
    expectFit(String(error.stack))
    expect(error).toMatchObject({ path: evil, processes: [{ name: evil }] })
  })

  test.for([
    ['of ours', new KernelError(ALL_HOSTILE_TEXT), 1],
    ['of several', new AggregateError([], ALL_HOSTILE_TEXT), 1],
    ['that is a defect', new TypeError(ALL_HOSTILE_TEXT), 2],
    ['that is none', ALL_HOSTILE_TEXT, 1],
  ] as const)('%s is told in lines of our own', ([, error, least]) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      complainOf(error)
      const told = write.mock.calls.map(([text]) => text).join('')
      expectFit(told)
      expect(told.trimEnd().split('\n').length).toBeGreaterThanOrEqual(least)
      expect(told.trimEnd().split('\n').slice(1)).toEqual(
        told
          .trimEnd()
          .split('\n')
          .filter((line) => /^ {4}at /.test(line)),
      )
      expect(told).toMatch(/^corral: .*PWNED/)
    } finally {
      write.mockRestore()
    }
  })
})

test('the log has it written out, also in errors', () => {
  const lines: string[] = []
  const log = new Log(pino({}, { write: (line) => void lines.push(line) }), { corral: ALL_HOSTILE_TEXT })
  const cause = new Error(ALL_HOSTILE_TEXT)
  const processes = [{ pid: 1, name: ALL_HOSTILE_TEXT, state: 'D' }]
  const err = new StuckError('x', processes, { path: ALL_HOSTILE_TEXT, cause })
  log.info('closed', { key: ALL_HOSTILE_TEXT, killed: { count: 1, names: [ALL_HOSTILE_TEXT] } })
  log.error('stuck', { err })
  log.warn('defect', { err: cause })
  for (const line of lines) expectFit(line)
  const [closed, stuck, defect] = lines.map((line) => JSON.parse(line))
  expect(closed).toMatchObject({ msg: 'closed', killed: { count: 1 }, key: printable(ALL_HOSTILE_TEXT) })
  expect(stuck.err).toMatchObject({ type: 'StuckError', code: 'CORRAL_STUCK', processes: [{ pid: 1 }] })
  expect(stuck.err.stack).toMatch(/^StuckError: x.*\n {4}at /)
  expect(defect.err.message).toBe(printable(ALL_HOSTILE_TEXT))
})

describe('columns', () => {
  test.for([
    ['', 0],
    ['agent', 5],
    ['会话', 4],
    ['🐎', 2],
    ['ｆｕｌｌ', 8],
    ['e\u0301', 1],
    ['한글', 4],
    ['\u1112\u1161\u11ab', 2],
    ['🇩🇪', 2],
    ['שלום', 4],
  ] as const)('%o takes %i', ([text, columns]) => {
    expect(columnsOf(text)).toBe(columns)
    expect(columnsOf(padded(text, 20))).toBe(20)
  })

  test('a text is cut where it would not fit, and a character never', () => {
    expect(cut('会话ab', 3)).toBe('会')
    expect(cut('会话ab', 5)).toBe('会话a')
    expect(cut('🐎🐎', 1)).toBe('')
    expect(cut('ab', 2)).toBe('ab')
    for (let columns = 0; columns < 12; columns++)
      expect(columnsOf(cut(`a会\x1b🐎e\u0301b`, columns))).toBeLessThanOrEqual(columns)
  })

  test('a table has its columns below each other, whatever is in it', () => {
    const keys = ['agent:plain', '会话:用户', 'agent:🐎🐎', ...Object.values(HOSTILE_TEXT)]
    const lines = table(
      ['SESSION', 'MODE'],
      keys.map((key) => [key, 'oneshot']),
    )
    const places = lines.slice(1).map((line) => columnsOf(line.slice(0, line.lastIndexOf('oneshot'))))
    expect(new Set(places).size).toBe(1)
    expect(lines).toHaveLength(keys.length + 1)
    for (const line of lines) expectFit(line)
  })
})

test('no command prints but through cli/output.ts', () => {
  const around = /process\.std(?:out|err)\.write|\bconsole\./
  const files = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ts$/.test(name),
  )
  expect(files.length).toBeGreaterThan(15)
  const guilty = files.filter((name) => around.test(readFileSync(join('src/cli', name), 'utf8')))
  expect(guilty).toEqual(['output.ts'])
})
