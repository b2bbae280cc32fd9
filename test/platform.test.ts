// On other systems the package can be imported, so that a program for several can have it as a dependency; only
// opening a session is refused.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('..', import.meta.url))

const PROGRAM = `
  const [name, value] = process.argv.slice(1)
  Object.defineProperty(process, name, { value })
  const { openCorral, UnsupportedPlatformError } = await import('corral')
  const error = await openCorral().then(() => undefined, (refusal) => refusal)
  const typed = error instanceof UnsupportedPlatformError
  console.log(JSON.stringify({ typed, code: error?.code, message: error?.message }))
`

async function openWhere(property: 'platform' | 'arch', value: string) {
  const run = promisify(execFile)
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, property, value],
    {
      cwd: checkout,
    },
  )
  return JSON.parse(stdout) as { typed: boolean; code: string; message: string }
}

describe('openCorral()', () => {
  test.each([
    ['platform', 'darwin'],
    ['platform', 'win32'],
    ['platform', 'freebsd'],
    ['arch', 'riscv64'],
  ] as const)('is refused where the %s is %s', async (property, value) => {
    const { typed, code, message } = await openWhere(property, value)
    expect({ typed, code }).toEqual({ typed: true, code: 'CORRAL_UNSUPPORTED_PLATFORM' })
    expect(message).toContain(value)
    expect(message).toMatch(/Linux \(x64, arm64\).*can be imported here/)
  })
})
