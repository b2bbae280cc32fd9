// The types of the package can be read where nothing is installed but what it depends on.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, expectTypeOf, test } from 'vitest'
import type { Corral, SpawnOptions } from '../../src/index.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
const dist = join(checkout, 'dist')

/** Without what is `any` where it is not installed. */
const required = (text: string) => text.replaceAll(/^\/\/ @ts-ignore\n.*$/gm, '')

test('no declaration imports what need not be there', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.d.ts'),
  )
  expect(files).toContain('metrics/index.d.ts')
  const imported = files.flatMap((name) =>
    [
      ...required(readFileSync(join(dist, name), 'utf8')).matchAll(
        /(?:from |import\()["']([^."'][^"']*)["']/g,
      ),
    ].map(([, from = '']) => ({
      name,
      from,
    })),
  )
  const missing = imported.filter(
    ({ from }) => !from.startsWith('node:') && !Object.hasOwn(dependencies, from),
  )
  expect(missing).toEqual([])
})

// tsc looks at these (npm run check); nothing is started
test('a stream is there where stdio is a pipe, null where it is none, and either where that is not known', () => {
  const streams = async (corral: Corral, unknown: SpawnOptions) => {
    const command = 'true'
    const { process: piped } = await corral.spawn({ command })
    expectTypeOf(piped.stdin).toEqualTypeOf<Writable>()
    expectTypeOf(piped.stderr).toEqualTypeOf<Readable>()
    const { process: fifo } = await corral.spawn({ command, stdio: 'fifo' })
    expectTypeOf(fifo.stdout).toEqualTypeOf<Readable>()
    const { process: inherited } = await corral.spawn({ command, stdio: 'inherit' })
    expectTypeOf(inherited.stdout).toEqualTypeOf<null>()
    const { process: mixed } = await corral.spawn({ command, stdio: ['ignore', 'pipe', 2] })
    expectTypeOf(mixed.stdin).toEqualTypeOf<null>()
    expectTypeOf(mixed.stdout).toEqualTypeOf<Readable>()
    expectTypeOf(mixed.stderr).toEqualTypeOf<null>()
    const session = await corral.spawn(unknown)
    expectTypeOf(session.process.stdin).toEqualTypeOf<Writable | null>()
    const further = await session.spawn('true', [], { stdio: ['pipe'] })
    expectTypeOf(further.stderr).toEqualTypeOf<Readable>()
  }
  expect(streams).toBeTypeOf('function')
})
