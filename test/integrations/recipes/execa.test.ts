// docs/recipes/execa.mjs.
import { expect } from 'vitest'
import { execaContained } from '../../../docs/recipes/execa.mjs'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'
import { DAEMONISING, describeRecipe } from './leaves-nothing.js'

describeRecipe(
  'execa',
  1,
  async (corral) => {
    const opened = await execaContained(corral, 'sh', ['-c', `${DAEMONISING}; exec sleep 1000`], {
      session: { key: 'execa' },
    })
    await line(opened.subprocess.stdout, /^ready$/)
    return opened
  },
  async ({ subprocess, result }) => {
    subprocess.kill('SIGTERM')
    await result
  },
)

test('execa gives the result of a command once all that it left is gone', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { result } = await execaContained(corral, 'sh', ['-c', `${DAEMONISING}; exit 3`], {
    session: { key: 'execa' },
  })
  expect(await result).toMatchObject({ stdout: 'ready', exitCode: 3 })
  expect(await pen.members()).toEqual([])
})

test('execa leaves no session of what cannot be spawned', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { result } = await execaContained(corral, 'true', [], {
    session: { key: 'execa' },
    cwd: '/no/such/directory',
  })
  expect(await result).toMatchObject({ failed: true })
  expect(corral.list()).toEqual([])
})
