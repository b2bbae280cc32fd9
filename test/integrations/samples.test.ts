// A sample of the README does what it prints: the first of those that `npm run test:samples` runs on other kinds of host.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const SAMPLES = fileURLToPath(new URL('../hosts/samples/samples.mjs', import.meta.url))

test("the README's library sample runs as it is printed", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SAMPLES, 'library'])
  expect(stdout).toBe('ok      README.md: library\n')
})
