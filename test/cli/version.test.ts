// The version, and what was built from it: the package, the addon and the warden tell each for itself.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { addonPath, wardenPath } from '../../src/native/addon.js'
import { corral } from './command-line.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const BUILD = `for ${arch()}, (source|prebuilt) build by (gcc|clang) \\d[^,]*, (glibc|musl)[^,:]*`

/** The path of a copy of the addon, in which one word is another of the same length. */
function otherAddon(word: string, other: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'corral-addon-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const bytes = readFileSync(addonPath())
  const at = bytes.indexOf(`\0${word}\0`)
  expect(at).toBeGreaterThan(0)
  bytes.write(other, at + 1)
  writeFileSync(join(directory, 'corral.node'), bytes)
  return join(directory, 'corral.node')
}

describe('corral --version', () => {
  test.for([['--version'], ['-V'], ['version']])(
    '%s tells the version first, then what was built',
    async (args) => {
      const { status, stdout, stderr } = await corral(args)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const [first, addon, warden, kernel, node] = stdout.split('\n')
      expect(first).toBe(version)
      expect(addon).toMatch(new RegExp(`^addon   ${version} ${BUILD}, Node-API 8: /.*`))
      expect(warden).toMatch(new RegExp(`^warden  ${version} ${BUILD}: ${wardenPath()}$`))
      expect(kernel).toMatch(
        new RegExp(`^kernel  Linux ${release()}: (no )?clone_into_cgroup, (no )?pidfd, `),
      )
      expect(node).toBe(`node    ${process.version}`)
    },
  )

  test('--json tells the same to programs', async () => {
    const { stdout } = await corral(['--version', '--json'])
    expect(JSON.parse(stdout)).toEqual({
      version,
      addon: {
        path: expect.stringMatching(/corral\.node$/),
        version,
        kind: expect.stringMatching(/^(source|prebuilt)$/),
        compiler: expect.any(String),
        libc: expect.any(String),
        cpu: arch(),
        napi: 8,
      },
      warden: { path: wardenPath(), version, built: expect.stringMatching(new RegExp(`^${BUILD}$`)) },
      kernel: {
        release: release(),
        features: {
          clone_into_cgroup: expect.any(Boolean),
          pidfd: expect.any(Boolean),
          cgroup2: true,
          'cgroup.kill': expect.toSatisfy((seen) => [true, false, null].includes(seen)),
          pressure: expect.any(Boolean),
          children: expect.any(Boolean),
        },
      },
      node: process.version,
    })
  })

  test('tells the version also where there is no addon, and why there is none', async () => {
    const { status, stdout } = await corral(['--version'], { env: { CORRAL_ADDON: '/nonexistent' } })
    expect(status).toBe(0)
    expect(stdout).toMatch(new RegExp(`^${version}\naddon   none: .*npx corral build`))
  })
})

test('corral-warden --version tells that it is of the same version', () => {
  const told = execFileSync(wardenPath(), ['--version'], { encoding: 'utf8' })
  expect(told).toMatch(new RegExp(`^${version}\n${BUILD}\n$`))
})

describe('an addon of another version', () => {
  test.for([
    ['that says so', version, version.replaceAll(/\d/g, '9'), version.replaceAll(/\d/g, '9')],
    ['from before it could', 'build', 'dliub', 'an earlier one'],
  ] as const)('%s is refused when it is loaded', async ([, word, other, told]) => {
    const addon = otherAddon(word, other)
    const { status, stderr } = await corral(['ls'], { env: { CORRAL_ADDON: addon } })
    expect(status).toBe(1)
    expect(stderr).toBe(
      `corral: the native addon ${addon} has version ${told}, but the package has ${version}. Run \`npx corral build\`, and leave CORRAL_ADDON unset\n`,
    )
  })
})
