// What a command leaves when it ends by itself is gone before `corral run` ends.
import { describe, expect } from 'vitest'
import { corral } from '../../cli/command-line.js'
import { runInPen } from '../../support/backend.js'
import { test } from '../../support/pen-test.js'

describe('corral run leaves nothing of a command that', () => {
  test.for([
    ['leaves a child', 'sleep 1000 &'],
    ['leaves a daemon of two forks', '(setsid sh -c "sleep 1000 & sleep 1000" &)'],
    ['leaves one that ignores all it can', `(trap '' TERM HUP INT QUIT; exec setsid sleep 1000) &`],
    ['leaves one that is stopped', 'sleep 1000 & kill -STOP $!'],
    ['leaves one that holds its output', 'sleep 1000 & echo done'],
    ['ends with an error', 'setsid sleep 1000 & exit 4'],
    ['is killed', 'setsid sleep 1000 & kill -9 $$'],
  ] as const)('%s', async ([, script], { pen }) => {
    const { status, signal } = await corral(['run', ...runInPen(pen), '--', 'sh', '-c', script])
    expect(signal ?? status).toBe(
      script.endsWith('exit 4') ? 4 : script.endsWith('kill -9 $$') ? 'SIGKILL' : 0,
    )
    expect(await pen.members()).toEqual([])
    expect(await pen.groups()).toEqual([])
  })
})
