// The ledger of a gateway that lives: a line for each session that ends, however it does.
import { readFileSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { expect } from 'vitest'
import { InvalidArgumentError, KernelError, openCorral } from '../../../src/index.js'
import { BACKEND } from '../../support/backend.js'
import { linesIn, newLedger } from '../../support/ledger-lines.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' as const }

test('each session that ends has one line, with how it ended', async ({ pen }) => {
  const ledger = await newLedger()
  const corral = await openInPen(pen, { ledger })
  const oneshot = await corral.spawn({ key: 'one', command: '/bin/sh', args: ['-c', 'exit 3', 'secret'] })
  await oneshot.closed
  const closed = await corral.spawn({ ...sleeper, key: 'two\u009b"é', parentKey: 'mother' })
  await closed.close({ graceMs: 0, reason: 'enough' })
  await corral.spawn({ ...sleeper, key: 'three' })
  await corral.spawn({ ...sleeper, key: 'four', parentKey: 'three' })
  await corral.resetParent('three')
  await corral.close({ graceMs: 0 })
  const lines = linesIn(ledger)
  const common = { instance: corral.id, mechanism: BACKEND, writer: 'library' }
  const killed = { exitCode: null, signal: 'SIGKILL', killed: 1, killedNames: ['sleep'], command: 'sleep' }
  expect(lines).toMatchObject([
    {
      ...common,
      key: 'one',
      parentKey: null,
      command: 'sh',
      reason: 'oneshot-complete',
      exitCode: 3,
      signal: null,
    },
    { ...common, ...killed, key: 'two\u009b"é', parentKey: 'mother', reason: 'enough' },
    { ...common, ...killed, key: 'four', parentKey: 'three', reason: 'parent-reset' },
    { ...common, ...killed, key: 'three', parentKey: null, reason: 'corral-closed' },
  ])
  expect(new Set(lines.map(({ boot, id }) => `${boot} ${id}`)).size).toBe(4)
  expect(lines[0]?.startedAt).toBe(oneshot.startedAt)
  // Of what nothing counts here there is no number
  for (const { cpuUs } of lines) expect(typeof cpuUs).toBe(BACKEND === 'passthrough' ? 'object' : 'number')
  const text = readFileSync(ledger, 'utf8')
  expect(text).not.toMatch(/secret|[^\n -~]/)
  expect(statSync(ledger).mode & 0o777).toBe(0o600)
})

test('a line has the arguments of commands where that was asked for', async ({ pen }) => {
  const path = await newLedger()
  const corral = await openInPen(pen, { ledger: { path, args: true } })
  await (await corral.spawn({ command: 'sh', args: ['-c', 'exit 0', 'secret'] })).closed
  expect(linesIn(path)).toMatchObject([{ command: 'sh', commandLine: 'sh -c exit 0 secret' }])
})

test('a ledger that cannot be written any more hinders no ending, and is told to the log', async ({
  pen,
}) => {
  const ledger = await newLedger()
  const told: unknown[] = []
  const silent = () => undefined
  const logger = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (data: object, text: string) => told.push([text, data]),
  }
  const corral = await openInPen(pen, { ledger, logger })
  await rm(ledger)
  await mkdir(ledger)
  const report = await (await corral.spawn({ command: 'true' })).closed
  expect(report.reason).toBe('oneshot-complete')
  expect(told).toMatchObject([
    ['ledger not written', { ledger, err: { name: 'KernelError', systemCode: 'EISDIR' } }],
  ])
})

test.each([
  ['no text', 7, InvalidArgumentError, /^Invalid ledger: expected the path of a file, or an object/],
  ['no path', '', InvalidArgumentError, /^Invalid ledger: expected the path of a file, got ''/],
  [
    'an option that there is not',
    { path: 'x', arg: true },
    InvalidArgumentError,
    /ledger has no option 'arg'/,
  ],
  ['a directory', '/tmp', InvalidArgumentError, /the ledger \/tmp is a directory\. Name a regular file/],
  ['a device', '/dev/null', InvalidArgumentError, /the ledger \/dev\/null is no regular file/],
  ['a directory that is not there', '/nowhere/ledger', KernelError, /Make the directory \/nowhere first/],
])('%s is refused as a ledger', async (_, ledger, type, message) => {
  const opening = openCorral({ ledger: ledger as string, backend: 'passthrough' })
  await expect(opening).rejects.toThrow(type)
  await expect(opening).rejects.toThrow(message)
})
