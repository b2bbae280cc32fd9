// A program that a bundler made of one that uses the package: with the package left out, and with it in it. What nobody uses of the
// package is not in it, but for constants.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as esbuild from 'esbuild'
import { describe, expect, onTestFinished } from 'vitest'
import webpack from 'webpack'
import { addonPath } from '../../src/native/addon.js'
import type { Pen } from '../support/pen.js'
import { CGROUPS, test } from '../support/pen-test.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

const PROGRAM = `
  import { openCorral } from 'corral'
  async function main() {
    const corral = await openCorral(JSON.parse(process.argv[2]))
    const session = await corral.spawn({ command: 'sh', args: ['-c', 'setsid sleep 1000 & echo up'] })
    const said = (await session.process.stdout.toArray()).join('').trim()
    const { killed } = await session.closed
    await corral.close()
    return { said, killed: killed.count }
  }
  main().catch(({ code, hint }) => ({ code, hint })).then((result) => console.log(JSON.stringify(result)))
`
const CONTAINED = { said: 'up', killed: 1 }

type Format = 'esm' | 'cjs'
interface Bundling {
  source: string
  target: string
  format: Format
  external: string[]
}

// For CommonJS in ES modules: esbuild leaves its require() to whoever bundles for Node
const REQUIRE =
  "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)"

async function byEsbuild({ source, target, format, external }: Bundling): Promise<void> {
  await esbuild.build({
    entryPoints: [source],
    outfile: target,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    format,
    external,
    banner: format === 'esm' ? { js: REQUIRE } : {},
  })
}

async function byWebpack({ source, target, format, external }: Bundling): Promise<void> {
  const kind = format === 'esm' ? 'module' : 'commonjs'
  const compiler = webpack({
    mode: 'production',
    target: 'node20',
    entry: source,
    externals: Object.fromEntries(external.map((name) => [name, `${kind} ${name}`])),
    output: {
      path: path.dirname(target),
      filename: path.basename(target),
      ...(format === 'esm' ? { module: true } : {}),
    },
    optimization: { minimize: false },
    experiments: { outputModule: format === 'esm' },
  })
  const stats = await promisify(compiler.run.bind(compiler))()
  await promisify(compiler.close.bind(compiler))()
  if (stats?.hasErrors()) throw new Error(stats.toString())
}

const BUNDLERS = { esbuild: byEsbuild, webpack: byWebpack }
const WAYS = (['esbuild', 'webpack'] as const).flatMap((bundler) =>
  (['esm', 'cjs'] as const).map((format) => [bundler, format] as const),
)

/** An empty project that has the package installed. */
function makeProject(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-bundle-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(path.join(directory, 'node_modules'))
  symlinkSync(checkout, path.join(directory, 'node_modules', 'corral'))
  return directory
}

async function bundle(bundler: keyof typeof BUNDLERS, format: Format, external: string[]): Promise<string> {
  const project = makeProject()
  const source = path.join(project, 'program.js')
  writeFileSync(source, PROGRAM)
  const target = path.join(project, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
  await BUNDLERS[bundler]({ source, target, format, external })
  if (external.length === 0) rmSync(path.join(project, 'node_modules'), { recursive: true })
  return target
}

const optionsIn = (pen: Pen) => (CGROUPS ? { backend: 'cgroup', root: pen.path } : { backend: 'subreaper' })

async function run(pen: Pen, program: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(optionsIn(pen))], {
    env,
  })
  return JSON.parse(stdout)
}

const { CORRAL_ADDON: _, ...plain } = process.env

describe.each(WAYS)('bundled by %s as %s', (bundler, format) => {
  test('it finds the package that was left out', async ({ pen }) => {
    expect(await run(pen, await bundle(bundler, format, ['corral']), process.env)).toEqual(CONTAINED)
  })

  test('it has the package in it, and CORRAL_ADDON tells where the addon is', async ({ pen }) => {
    const program = await bundle(bundler, format, [])
    expect(await run(pen, program, { ...plain, CORRAL_ADDON: addonPath() })).toEqual(CONTAINED)
  })
})

// (webpack writes the place that the package had into the bundle)
test.for(['esm', 'cjs'] as const)(
  'bundled as %s without the addon it says what to do',
  async (format, { pen }) => {
    expect(await run(pen, await bundle('esbuild', format, []), plain)).toEqual({
      code: 'CORRAL_NATIVE_MISSING',
      hint: expect.stringMatching(/leave it out of bundles \(external\), or set CORRAL_ADDON/),
    })
  },
)

test('who uses an error alone has not the rest in the bundle', async () => {
  const { metafile } = await esbuild.build({
    stdin: { contents: "export { StuckError } from 'corral'", resolveDir: makeProject() },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
  })
  const whole = Object.values(metafile.inputs).reduce((sum, { bytes }) => sum + bytes, 0)
  const [bundled] = Object.values(metafile.outputs)
  expect(whole).toBeGreaterThan(100_000)
  expect(bundled?.bytes).toBeLessThan(whole / 10)
})
