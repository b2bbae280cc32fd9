// docs/recipes/child-process.mjs, and what becomes of a command that cannot be started.
import { once } from 'node:events'
import { expect } from 'vitest'
import { startChild } from '../../../docs/recipes/child-process.mjs'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'
import { DAEMONISING, describeRecipe } from './leaves-nothing.js'

describeRecipe(
  'child_process.spawn',
  1,
  async (corral) => {
    const opened = await startChild(corral, 'sh', ['-c', `${DAEMONISING}; exec sleep 1000`], {
      session: { key: 'child' },
    })
    await line(opened.child.stdout, /^ready$/)
    return opened
  },
  async ({ child }) => {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  },
)

test('child_process.spawn leaves no session of what cannot be spawned', async ({ pen }) => {
  const corral = await openInPen(pen)
  await expect(
    startChild(corral, 'true', [], { session: { key: 'child' }, cwd: '/no/such/directory' }),
  ).rejects.toThrow('ENOENT')
  expect(corral.list()).toEqual([])
})
