// What `corral run` does with signals that it gets: the command hears of them, and nothing outlives the last.
import { describe, expect } from 'vitest'
import { corral, handlesSignals, LIVING, orphan, running } from '../../cli/command-line.js'
import { differs } from '../../support/differences.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'
import { test } from '../../support/pen-test.js'

// `read` keeps the shell waiting without a child of its own
const WAITING = 'while :; do read -r line; done'
// A signal interrupts the `read`, which then fails
const ECHOING = 'while [ "$line" != bye ]; do read -r line && echo "read $line"; done'

describe('a SIGTERM to corral run', () => {
  test('reaches the command, whose exit status counts', async ({ pen }) => {
    const run = await running(pen, [], `trap 'echo heard; exit 3' TERM; echo ready; ${WAITING}`)
    await handlesSignals(run)
    const { child, exited, says } = run
    const heard = says(/^heard$/)
    child.kill('SIGTERM')
    await heard
    expect(await exited).toEqual([3, null])
    expect(await pen.groups()).toEqual([])
  })

  test('ends a command that does not handle it', async ({ pen }) => {
    const run = await running(pen, [], LIVING)
    await handlesSignals(run)
    const { child, exited } = run
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGTERM'])
    expect(await pen.groups()).toEqual([])
  })

  test('ends what the command started and left, also what ignores it', async ({ pen }) => {
    const run = await running(
      pen,
      ['--grace', String(1000 * SLOWNESS)], // the command itself has ended by then
      `(trap '' TERM HUP; setsid sleep 1000 & setsid sleep 1000 &) >/dev/null; ${LIVING}`,
    )
    await eventually('all run', async () => (await pen.members()).length === 3)
    await handlesSignals(run)
    const { child, exited } = run
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGTERM'])
    expect(await pen.members()).toEqual([])
    expect(await pen.groups()).toEqual([])
  })

  test('kills a command that ignores it once the grace time is over', async ({ pen }) => {
    const run = await running(pen, ['--grace', '50'], `trap '' TERM; echo ready; ${WAITING}`)
    await handlesSignals(run)
    const { child, exited } = run
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await pen.groups()).toEqual([])
  })

  test('that is the second does not wait for the grace time', async ({ pen }) => {
    const run = await running(pen, ['--grace', '600000'], `trap 'echo heard' TERM; echo ready; ${WAITING}`)
    await handlesSignals(run)
    const { child, exited, says } = run
    const heard = says(/^heard$/)
    child.kill('SIGTERM')
    await heard
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await pen.groups()).toEqual([])
  })

  test('is one SIGTERM for the command, which may take a second for "at once"', async ({ pen }) => {
    // SIGTERM and SIGCONT are what a closing session sends; Node may hear of them in any order
    const counting = `
      const heard = { SIGTERM: 0, SIGCONT: 0 }
      const tell = () => { console.log('terms', heard.SIGTERM); process.exit(0) }
      const hear = (signal) => { heard[signal]++; if (heard.SIGTERM && heard.SIGCONT) setImmediate(tell) }
      for (const signal in heard) process.on(signal, hear)
      setInterval(() => undefined, 1000) // timer: keeps it alive
      console.log('ready')`
    // Two of them can be taken for one when they come close together, hence five tries
    for (let round = 0; round < 5; round++) {
      const run = await running(pen, [], `exec "${process.execPath}" -e "${counting}"`)
      await handlesSignals(run)
      const { child, exited, says } = run
      const terms = says(/^terms /)
      child.kill('SIGTERM')
      expect(await terms).toBe('terms 1')
      await exited
    }
  })

  test('is not fatal for corral run in the moment that the command speaks', async ({ pen }) => {
    // The window is small, hence ten tries
    for (let round = 0; round < 10; round++) {
      const { child, exited } = await running(pen, [], LIVING)
      child.kill('SIGTERM')
      expect(await exited).toEqual([null, 'SIGTERM'])
      expect(await pen.members()).toEqual([])
    }
  })
})

describe('corral run', () => {
  test('passes SIGHUP to the command and ends', async ({ pen }) => {
    const run = await running(
      pen,
      [],
      `trap 'echo hung up; exit 5' HUP; trap '' TERM; echo ready; ${WAITING}`,
    )
    await handlesSignals(run)
    const { child, exited, says } = run
    const heard = says(/^hung up$/)
    child.kill('SIGHUP')
    await heard
    expect(await exited).toEqual([5, null])
  })

  test.for(['SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGINT', 'SIGQUIT'] as const)(
    'passes %s to the command, which goes on',
    async (signal, { pen }) => {
      const run = await running(pen, [], `trap 'echo heard' ${signal.slice(3)}; echo ready; ${ECHOING}`)
      await handlesSignals(run)
      const { child, exited, says } = run
      const heard = says(/heard$/)
      child.kill(signal)
      await heard
      const answer = says(/^read on$/)
      child.stdin.write('on\n')
      await answer
      child.stdin.write('bye\n')
      expect(await exited).toEqual([0, null])
    },
  )

  // To look at its own input must not make it non-blocking: the command has the same one, and would read EAGAIN
  test('leaves the input of the command blocking after a SIGINT', async ({ pen }) => {
    const run = await running(pen, [], `trap 'echo heard; exec cat' INT; echo ready; ${WAITING}`)
    await handlesSignals(run)
    const { child, exited, says } = run
    const heard = says(/^heard$/)
    child.kill('SIGINT')
    await heard
    for (const word of ['one', 'two', 'three']) {
      const echoed = says(new RegExp(`^${word}$`))
      child.stdin.write(`${word}\n`)
      await echoed
    }
    child.stdin.end()
    expect(await exited).toEqual([0, null])
  })

  test('that is killed leaves nothing, with nobody doing anything about it', async ({ pen }) => {
    const { child, exited } = await running(pen, [], `setsid sleep 1000 & ${LIVING}`)
    child.kill('SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
    const left = async () => [...(await pen.groups()), ...(await pen.everybody())]
    await eventually('nothing is left', async () => (await left()).length === 0, { instead: left })
  })

  test('that is killed together with all that would end its session leaves that', async ({ pen }) => {
    const run = await running(pen, ['--session', 'orphan'], 'echo ready; exec sleep 1000')
    await differs('held', {
      cgroup: async () => {
        await orphan(run, pen)
        expect(await pen.members()).toHaveLength(1)
        expect((await corral(['run', '--root', pen.path, '--', 'true'])).status).toBe(0)
        expect(await pen.groups()).toEqual([])
      },
      subreaper: async () => {
        const held = await pen.members()
        const holders = (await pen.everybody()).filter((pid) => !held.includes(pid))
        expect(holders).toHaveLength(3)
        // Stopped first, so that none sees the end of another
        for (const signal of ['SIGSTOP', 'SIGKILL']) for (const pid of holders) process.kill(pid, signal)
        await run.exited
        expect(await pen.members()).toEqual(held)
        await pen.kill()
      },
    })
  })
})
