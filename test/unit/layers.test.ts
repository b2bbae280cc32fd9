// The rules of docs/architecture.md of what imports what, read from the code.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
const MECHANISM = /^backend\/(cgroup|subreaper|passthrough)\//

interface Arrow {
  from: string
  to: string
}

const filesIn = (directory: string, ending: RegExp): string[] =>
  readdirSync(path.join(CHECKOUT, directory), { recursive: true, encoding: 'utf8' }).filter((name) =>
    ending.test(name),
  )

/** Of types too: who names a thing depends on it. */
function arrowsOf(
  directory: string,
  ending: RegExp,
  pattern: RegExp,
  target: (to: string) => string,
): Arrow[] {
  return filesIn(directory, ending).flatMap((from) =>
    [...readFileSync(path.join(CHECKOUT, directory, from), 'utf8').matchAll(pattern)].map(([, to = '']) => ({
      from,
      to: target(path.join(path.dirname(from), to)),
    })),
  )
}

const arrows = arrowsOf('src', /\.ts$/, /(?:from |import\()'(\.[^']+)'/g, (to) => to.replace(/\.js$/, '.ts'))

/** The room of a file: its folder at the top of src/, or the file itself. */
const room = (file: string) => file.split('/')[0] ?? file

function circleIn(all: Arrow[]): string[] | undefined {
  const next = groups(all)
  const done = new Set<string>()
  const walk = (at: string, way: string[]): string[] | undefined => {
    if (way.includes(at)) return [...way.slice(way.indexOf(at)), at]
    if (done.has(at)) return undefined
    for (const { to } of next.get(at) ?? []) {
      const found = walk(to, [...way, at])
      if (found) return found
    }
    done.add(at)
    return undefined
  }
  for (const at of next.keys()) {
    const found = walk(at, [])
    if (found) return found
  }
  return undefined
}

function groups(all: Arrow[]): Map<string, Arrow[]> {
  const map = new Map<string, Arrow[]>()
  for (const arrow of all) map.set(arrow.from, [...(map.get(arrow.from) ?? []), arrow])
  return map
}

/** All files that one reaches. */
function reached(entry: string, goesOn = (_to: string) => true): Set<string> {
  const found = new Set<string>()
  const walk = (at: string) => {
    if (found.has(at) || !goesOn(at)) return
    found.add(at)
    for (const { from, to } of arrows) if (from === at) walk(to)
  }
  walk(entry)
  return found
}

test('the imports are read: each target is a file', () => {
  const files = new Set(filesIn('src', /\.ts$/))
  expect(arrows.length).toBeGreaterThan(500)
  expect(arrows.filter(({ to }) => !files.has(to))).toEqual([])
})

test('the top of src has at most 14 rooms', () => {
  const rooms = readdirSync(path.join(CHECKOUT, 'src')).filter((name) => name !== 'tsconfig.json')
  expect(rooms.length).toBeLessThanOrEqual(14)
})

test('only mechanisms.ts, opening.ts and trial.ts name a mechanism', () => {
  const naming = arrows.filter(
    ({ from, to }) => MECHANISM.test(to) && MECHANISM.exec(from)?.[1] !== MECHANISM.exec(to)?.[1],
  )
  expect([...new Set(naming.map(({ from }) => from))].toSorted()).toEqual([
    'backend/mechanisms.ts',
    'backend/opening.ts',
    'backend/trial.ts',
  ])
})

test('mechanisms know no keys of sessions, nor options', () => {
  expect(arrows.filter(({ from, to }) => room(from) === 'backend' && room(to) === 'session')).toEqual([])
})

// From the top down; rooms of one line do not know each other
const FLOORS = [
  ['cli'],
  ['integrations'],
  ['doctor', 'orphans', 'metrics', 'ledger'],
  ['observe'],
  ['index.ts'],
  ['open.ts'],
  ['session'],
  ['backend'],
  ['linux'],
  ['native'],
  ['common'],
]

test('arrows point down', () => {
  const floor = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(room(file)))
  const upwards = arrows.filter(
    ({ from, to }) => room(from) !== room(to) && (floor(from) < 0 || floor(from) >= floor(to)),
  )
  expect(upwards).toEqual([])
})

test('no file imports itself by way of others', () => {
  expect(circleIn(arrows)).toBeUndefined()
  expect(circleIn([...arrows, { from: 'common/text.ts', to: 'cli/main.ts' }])).toBeDefined()
})

test.each(['index.ts', 'integrations/acpx/index.ts', 'integrations/openclaw/index.ts', 'metrics/index.ts'])(
  'the entry %s reaches neither the installer nor the command line',
  (entry) => {
    const outside = [...reached(entry)].filter((file) => /^(cli|integrations\/setup)\//.test(file))
    expect(outside).toEqual([])
  },
)

test('what `corral run` and `ls` load has no owner in it, and all that is loaded later is in one file', () => {
  const later = readFileSync(path.join(CHECKOUT, 'src/cli/commands.ts'), 'utf8').matchAll(
    /import\('([^']+)'\)/g,
  )
  expect(new Set([...later].map(([, file]) => file))).toEqual(new Set(['./other-commands.js']))
  const loaded = [...reached('cli/main.ts', (to) => to !== 'cli/other-commands.ts')]
  expect(loaded).toContain('backend/mechanisms.ts')
  expect(
    loaded.filter((file) => /^(open|backend\/opening|backend\/trial|backend\/.*\/backend)\.ts$/.test(file)),
  ).toEqual([])
})

test.each(['native/core', 'native/warden', 'native/addon'])(
  'no header of %s includes itself by way of others',
  (folder) => {
    const includes = arrowsOf(folder, /\.h$/, /^#include "([^"/]+\.h)"/gm, (to) => to)
    expect(includes.length).toBeGreaterThan(0)
    expect(circleIn(includes)).toBeUndefined()
  },
)

test('core knows neither the warden nor the addon, and these not each other', () => {
  const named = (folder: string) =>
    filesIn(folder, /\.(c|cc|h)$/).flatMap((file) =>
      [...readFileSync(path.join(CHECKOUT, folder, file), 'utf8').matchAll(/^#include "([^"]+)"/gm)].map(
        ([, to = '']) => `${file}: ${to}`,
      ),
    )
  expect(named('native/core').filter((one) => /: (\.\.\/)?(warden|addon)\//.test(one))).toEqual([])
  expect(named('native/warden').filter((one) => /: (\.\.\/)?addon\//.test(one))).toEqual([])
  expect(named('native/addon').filter((one) => /: (\.\.\/)?warden\//.test(one))).toEqual([])
})
