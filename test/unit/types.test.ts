// The types of the package can be read where nothing is installed but what it depends on.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
const dist = join(checkout, 'dist')
// Of a host: whoever imports these entries has it
const OF_HOSTS = /^integrations\/(acpx|openclaw)\//

test('no declaration imports what need not be there', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.d.ts'),
  )
  expect(files).toContain('metrics/index.d.ts')
  const imported = files.flatMap((name) =>
    [...readFileSync(join(dist, name), 'utf8').matchAll(/(?:from |import\()["']([^."'][^"']*)["']/g)].map(
      ([, from = '']) => ({
        name,
        from,
      }),
    ),
  )
  const missing = imported.filter(
    ({ name, from }) =>
      !from.startsWith('node:') && !Object.hasOwn(dependencies, from) && !OF_HOSTS.test(name),
  )
  expect(missing).toEqual([])
})
