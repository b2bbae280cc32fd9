// The plugin is one by the types of the published package.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { installOpenClaw } from './gateway.js'

const SOURCE = fileURLToPath(new URL('../../../src/integrations/openclaw', import.meta.url))
const TYPES = fileURLToPath(new URL('../../../node_modules/@types', import.meta.url))
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

const project = mkdtempSync(join(tmpdir(), 'corral-types-'))
afterAll(() => rmSync(project, { recursive: true, force: true }))

/** What the compiler says of a file that imports the plugin and OpenClaw. */
function compile(code: string): string {
  const compilerOptions = {
    module: 'NodeNext',
    target: 'ES2023',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    typeRoots: [TYPES],
    types: ['node'],
    preserveSymlinks: true,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['check.ts'] }))
  writeFileSync(join(project, 'check.ts'), code)
  return spawnSync(process.execPath, [TSC, '-p', project], { encoding: 'utf8' }).stdout
}

const CODE = `import { definePluginEntry } from 'openclaw/plugin-sdk/plugin-entry'
import plugin from './plugin/index.js'
definePluginEntry(plugin)
`

test('corral/openclaw is a plugin by the published types', async () => {
  const { modules } = await installOpenClaw()
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(join(modules, 'openclaw'), join(project, 'node_modules/openclaw'))
  symlinkSync(SOURCE, join(project, 'plugin'))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }))

  expect(compile(CODE)).toBe('')
  // They are types, and not just anything
  expect(compile(`${CODE}definePluginEntry({ ...plugin, register: (api: { no: 1 }) => {} })\n`)).toContain(
    'TS2322',
  )
})
