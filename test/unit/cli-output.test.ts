// How the commands write: tables that fit a terminal, and errors in the words of a command line.
import { describe, expect, test } from 'vitest'
import { columnsOf, type Economy, fittingTable, inOptions, shortened } from '../../src/cli/output.js'

const HEADING = ['SESSION', 'MODE', 'MEMORY', 'COMMAND']
const ECONOMIES: Economy[] = [
  { column: 'COMMAND', least: 8 },
  { without: 'MODE' },
  { column: 'SESSION', least: 6, middle: true },
]
const ROWS = [
  ['an instance, a line of its own that is longer than all the others together, whatever they have'],
  ['agent:main', 'oneshot', '1.5G', 'npx claude-agent-acp'],
  ['会话:エージェント', 'persistent', '512M', 'gemini --acp'],
  ['cafe\u0301', 'oneshot', '-', 'sh'],
]

describe('a table', () => {
  test.for([200, 80, 60, 50, 40, 30, 25])('fits into %i columns, whatever its text', (columns) => {
    const lines = fittingTable(HEADING, ROWS, columns, ECONOMIES)
    expect(lines).toHaveLength(ROWS.length + 1)
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns)
  })

  test('does without what it is told, in that order, and no more than it has to', () => {
    const of = (columns: number) => fittingTable(HEADING, ROWS, columns, ECONOMIES)[2]
    expect(of(100)).toBe('agent:main         oneshot     1.5G    npx claude-agent-acp')
    expect(of(60)).toBe('agent:main         oneshot     1.5G    npx claude-agent-acp'.slice(0, 60))
    expect(of(50)).toBe('agent:main         oneshot     1.5G    npx claude…')
    expect(of(40)).toBe('agent:main         1.5G    npx cla…')
    expect(of(30)).toBe('agent:main  1.5G    npx cla…')
  })

  test('has its columns one below the other', () => {
    const lines = fittingTable(HEADING, ROWS, 80, ECONOMIES).slice(2)
    const starts = ['oneshot', 'persistent', 'oneshot'].map((mode, at) =>
      columnsOf(lines[at]?.slice(0, lines[at].indexOf(mode)) ?? ''),
    )
    expect(new Set(starts).size).toBe(1)
  })
})

test.for([
  ['agent:main', 10, 'agent:main'],
  ['agent:main', 7, 'age…ain'],
  ['会话会话会话', 7, '会…话'],
  ['agent', 1, '…'],
] as const)('%s in %i columns is %s', ([text, columns, short]) => {
  expect(shortened(text, columns, { middle: true })).toBe(short)
})

test.for([
  ["Invalid memoryMax: expected bytes, got 'x'", "Invalid --memory-max: expected bytes, got 'x'"],
  ['memoryHigh (5) is above memoryMax (3)', '--memory-high (5) is above --memory-max (3)'],
  ["session 'memoryMax' is over", "session 'memoryMax' is over"],
  ['Invalid drainMs: expected a time', 'Invalid --drain: expected a time'],
] as const)('an error says %s as %s', ([said, told]) => {
  expect(inOptions(said)).toBe(told)
})
