// When keeper and holder become subreapers: two that do so at the same time, parent and child, can have the kernel lose the
// child's (native/warden/poll_set.h), once in thousands of starts, so the order is what is to be seen.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { wardenPath } from '../../../src/native/addon.js'
import { hasStrace } from '../../chaos/faults/traced.js'
import { test } from '../../support/pen-test.js'

test('a process that becomes a subreaper has no child yet', ({ skip }) => {
  skip(!hasStrace(), 'needs strace')
  const scratch = mkdtempSync(join(tmpdir(), 'corral-becoming-'))
  onTestFinished(() => rmSync(scratch, { recursive: true }))
  const log = join(scratch, 'log')
  const calls = 'prctl,fork,vfork,clone,clone3'
  const traced = ['-f', '-o', log, '-e', `trace=?${calls.replaceAll(',', ',?')}`]
  const { status } = spawnSync('strace', [...traced, wardenPath(), 'run', '--subreaper', '--', 'true'])
  expect(status).toBe(0)
  const steps = [
    ...readFileSync(log, 'utf8').matchAll(/^(\d+) +(?:(prctl)\(PR_SET_CHILD_SUBREAPER|v?fork\(|clone3?\()/gm),
  ]
  const becoming = steps.filter(([, , becomes]) => becomes).map(([, pid]) => pid)
  expect(new Set(becoming).size).toBe(2) // keeper and holder
  for (const pid of becoming) expect(steps.find(([, one]) => one === pid)?.[2]).toBe('prctl')
})
