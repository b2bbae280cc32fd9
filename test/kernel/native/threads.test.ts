// The addon's threads and the end of the environment that they belong to.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { test } from '../../support/pen-test.js'

const run = promisify(execFile)
const program = (root: string, script: string) => [
  '--input-type=module',
  '-e',
  `import { openCorral } from 'corral'
   const corral = await openCorral({ root: ${JSON.stringify(root)} })
   ${script}`,
]
const cwd = new URL('../../..', import.meta.url)

test('a program that exits while sessions start, run and close ends cleanly', async ({ pen }) => {
  const script = `
    const run = await corral.spawn({ command: 'sleep', args: ['1000'] })
    corral.spawn({ command: 'sleep', args: ['1000'] })
    run.close({ graceMs: 10000 })
    console.log('leaving')
    process.exit(3)`
  await expect(run(process.execPath, program(pen.path, script), { cwd })).rejects.toMatchObject({
    code: 3,
    stdout: 'leaving\n',
    stderr: '',
  })
})

test('a program stays while a session runs, unless its process is unref()ed', async ({ pen }) => {
  const waits = `const session = await corral.spawn({ command: 'sleep', args: ['0.3'] })
    session.closed.then(() => corral.close()).then(() => console.log('closed'))`
  expect((await run(process.execPath, program(pen.path, waits), { cwd })).stdout).toBe('closed\n')
  const leaves = `const session = await corral.spawn({ command: 'sleep', args: ['1000'], stdio: 'ignore' })
    session.process.unref()
    process.on('exit', () => console.log('left'))`
  expect((await run(process.execPath, program(pen.path, leaves), { cwd })).stdout).toBe('left\n')
})

test('sessions can be held from several worker threads', async ({ pen }) => {
  const counts = await Promise.all(
    [1, 2, 3].map(async () => {
      const worker = new Worker(new URL('fixtures/in-worker.mjs', import.meta.url), { workerData: pen.path })
      const [[count]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
      return count
    }),
  )
  expect(counts).toEqual([1, 1, 1])
})

test('the addon stays when all threads that loaded it have ended: one of its own may still be on its way out', async ({
  pen,
}) => {
  const script = `
    import { once } from 'node:events'
    import { readFileSync } from 'node:fs'
    import { Worker } from 'node:worker_threads'
    const inWorker = new URL('test/kernel/native/fixtures/in-worker.mjs', 'file://' + process.cwd() + '/')
    await once(new Worker(inWorker, { execArgv: [], workerData: ${JSON.stringify(pen.path)} }), 'exit')
    console.log(/\\.node$/m.test(readFileSync('/proc/self/maps', 'utf8')))`
  expect((await run(process.execPath, ['--input-type=module', '-e', script], { cwd })).stdout).toBe('true\n')
})
