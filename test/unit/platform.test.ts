// On other systems the package can be imported, so that a program for several can have it as a dependency. Opening a session is
// refused there, or gives plain child processes. No addon is loaded: there is none.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

// As there: no addon can be loaded
const ELSEWHERE = `
  const [name, value] = process.argv.slice(1)
  Object.defineProperty(process, name, { value })
  process.dlopen = () => { throw new Error('an addon was loaded') }
  const { openCorral, UnsupportedPlatformError } = await import('corral')
`
const REFUSED = `${ELSEWHERE}
  const error = await openCorral().then(() => undefined, (refusal) => refusal)
  const typed = error instanceof UnsupportedPlatformError
  console.log(JSON.stringify({ typed, code: error?.code, message: error?.message }))
`
const PASSED_THROUGH = `${ELSEWHERE}
  const corral = await openCorral({
    unsupported: 'passthrough', backend: 'cgroup', enforcement: 'best-effort', defaults: { memoryMax: '25%' },
  })
  const echo = await corral.spawn({ command: 'cat', key: 'echo', parentKey: 'main' })
  echo.process.stdin.end('said')
  const said = (await echo.process.stdout.toArray()).join('')
  const report = await echo.closed
  const agent = await corral.spawn({ command: 'cat', key: 'agent', parentKey: 'main', mode: 'persistent' })
  const further = await agent.spawn('cat', [], { stdio: ['pipe', 'ignore', 'inherit'] })
  const members = agent.members().length
  const { command, args, session } = await corral.wrap('tool', ['--acp'], { parentKey: 'agent' })
  const keys = (nodes) => nodes.flatMap(({ key, children }) => [key, ...keys(children)])
  const listed = keys(corral.list()).length
  const resets = await corral.resetParent('main', { graceMs: 5000 })
  const { backend, path, limits: [limit], notHeld } = agent.receipt
  console.log(JSON.stringify({
    said, report, members, usage: agent.usage(), command, args, listed, receipt: { backend, path, limit, notHeld },
    resets: resets.map(({ reason, exitCode }) => [reason, exitCode]),
    swept: await corral.sweep(), left: corral.list(), instance: [corral.backend, corral.guard.alive],
  }))
  await corral.close()
`

async function runWhere(program: string, property: 'platform' | 'arch', value: string) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program, property, value],
    { cwd: checkout },
  )
  return JSON.parse(stdout)
}

const OTHERS = [
  ['platform', 'darwin'],
  ['platform', 'win32'],
  ['platform', 'freebsd'],
  ['arch', 'riscv64'],
] as const

test('the package can be installed anywhere', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect([manifest.os, manifest.cpu, manifest.libc]).toEqual([undefined, undefined, undefined])
})

test.each(OTHERS)('nothing is built where the %s is %s', async (property, value) => {
  const elsewhere = `Object.defineProperty(process, '${property}', { value: '${value}' })`
  const installing = promisify(execFile)(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(elsewhere)}`, 'pack/prepare.mjs'],
    { cwd: checkout, env: { PATH: '' } }, // so that building would fail
  )
  expect(await installing).toEqual({ stdout: '', stderr: '' })
})

describe('openCorral()', () => {
  test.each(OTHERS)('is refused where the %s is %s', async (property, value) => {
    const { typed, code, message } = await runWhere(REFUSED, property, value)
    expect({ typed, code }).toEqual({ typed: true, code: 'CORRAL_UNSUPPORTED_PLATFORM' })
    expect(message).toContain(value)
    expect(message).toMatch(/^corral needs Linux on x64 or arm64.*unsupported: 'passthrough'/)
  })

  test.each(OTHERS)(
    'gives plain child processes where the %s is %s and that will do',
    async (property, value) => {
      expect(await runWhere(PASSED_THROUGH, property, value)).toMatchObject({
        said: 'said',
        report: {
          reason: 'oneshot-complete',
          exitCode: 0,
          killed: { count: 0, names: [] },
          hits: [],
          usage: {},
          guardDeaths: 0,
        },
        members: 2,
        usage: {},
        command: 'tool',
        args: ['--acp'],
        listed: 3,
        receipt: {
          backend: 'passthrough',
          path: '',
          limit: { name: 'memoryMax', enforcedBy: 'none', applied: null },
          notHeld: [
            expect.stringMatching(/are not ended/),
            expect.stringMatching(/nothing ends the session/),
          ],
        },
        resets: expect.arrayContaining([['parent-reset', null]]),
        swept: { collected: [], live: [], failed: [] },
        left: [],
        instance: ['passthrough', false],
      })
    },
  )
})
