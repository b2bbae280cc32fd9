// Groups that a session makes with names that are no UTF-8: nothing of them is lost on the way through JavaScript, so they are
// listed, and end with their session by every ending.
import { execFileSync } from 'node:child_process'
import { describe, expect } from 'vitest'
import { openCorral } from '../../../src/index.js'
import { Observer } from '../../../src/observe/observer.js'
import { corral as command } from '../../cli/command-line.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { expectFit } from '../../support/hostile-text.js'
import { killAll, type Pen } from '../../support/pen.js'
import { test as penTest } from '../../support/pen-test.js'

// A process in each of: a group below the session's own, one beside that, two that look like sessions, one of the instance
const MAKER = `
  raw=$(printf 'a\\377\\300\\257')
  enter() { mkdir -p "$1" && sh -c 'echo $$ >"$0/cgroup.procs" && echo in >&3 && exec sleep 1000 3>&-' "$1" & }
  enter "$0/sessions/maker/agent/$raw/$raw"
  enter "$0/sessions/maker/$raw"
  enter "$0/sessions/maker/$raw-too/agent"
  enter "$0/sessions/$raw/agent"
  enter "$0/$raw"
  exec sleep 1000 3>&-`

/** By find(1), which takes names as they are. */
const found = (pen: Pen, ...words: string[]) =>
  execFileSync('find', [pen.path, '-ignore_readdir_race', '-mindepth', '1', ...words], { encoding: 'latin1' })
    .split('\n')
    .filter(Boolean)
const members = (pen: Pen) => new Set(found(pen, '-name', 'cgroup.procs', '-exec', 'cat', '{}', '+'))
const groups = (pen: Pen) => found(pen, '-type', 'd')

const test = penTest.extend<{ pen: Pen }>({
  // The pen's own removal knows names that are UTF-8
  pen: async ({ pen }, use) => {
    await use(pen)
    await killAll(pen.path)
    found(pen, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+')
  },
})

async function open(pen: Pen): Promise<Gateway> {
  const gateway = await Gateway.open(undefined, { root: pen.path })
  const instance = `${pen.path}/corral/${gateway.instance}`
  const script = `exec 3>&1; ${MAKER}`
  await gateway.spawn({ key: 'maker', command: 'sh', args: ['-c', script, instance] }, 'in')
  await eventually('all are in', () => members(pen).size === 7, { instead: () => [...members(pen)] })
  return gateway
}

const ENDINGS: Record<string, (gateway: Gateway, root: string) => Promise<unknown>> = {
  'corral.close()': (gateway) => gateway.ask('end'),
  'the death of its gateway': async ({ child }) => child.kill('SIGKILL'),
  'corral sweep': async (gateway, root) => {
    await gateway.killWithGuard(root)
    expect(await command(['sweep', '--root', root])).toMatchObject({ status: 0, stderr: '' })
  },
  'the next gateway': async (gateway, root) => {
    await gateway.killWithGuard(root)
    await (await openCorral({ root })).close()
  },
  'corral kill --all, and then corral.close()': async (gateway, root) => {
    const { status, stdout, stderr } = await command(['kill', '--all', '--root', root])
    expect([status, stderr]).toEqual([0, ''])
    expectFit(stdout)
    await gateway.ask('end')
  },
}

describe('groups with names that are no UTF-8', () => {
  test.for(Object.entries(ENDINGS))('are ended by %s', async ([, end], { pen }) => {
    const gateway = await open(pen)
    await end(gateway, pen.path)
    await eventually('nothing is left', () => groups(pen).length === 0, { instead: () => groups(pen) })
  })

  test('are listed, and can be meant', async ({ pen }) => {
    const gateway = await open(pen)
    const { stdout } = await command(['ls', '--root', pen.path])
    expectFit(stdout)
    const observer = new Observer({ root: pen.path })
    const [instance] = await observer.list()
    expect(instance).toMatchObject({ outside: 1 })
    const session = instance?.sessions.find(({ key }) => key === undefined)
    expect(session?.group?.processes).toBe(1)
    expect(await observer.kill({ path: session?.path ?? '' }, 0)).toMatchObject([{ killed: 1 }])
    await gateway.ask('end')
    expect(groups(pen)).toEqual([])
  })
})
