// Who comes by the door of a session that is held without cgroups, and is of the same user: nothing that one says of pids is
// believed, nothing that one sends is waited for or kept, and however many come, the session can be seen and ended.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type Corral, openCorral } from '../../src/index.js'
import { KIND } from '../../src/native/language.js'
import { corral } from '../cli/command-line.js'
import { compiled } from '../support/compile-payload.js'
import { eventually, within } from '../support/eventually.js'
import { line } from '../support/line.js'

const guestSource = fileURLToPath(new URL('payloads/door-guest.c', import.meta.url))

/** This process is the gateway: what it starts itself are children of its own, which Corral has nothing to do with. */
async function openHere(): Promise<{ corral: Corral; door: string }> {
  const opened = await openCorral({ backend: 'subreaper', graceMs: 0 })
  onTestFinished(async () => {
    await opened.close()
  })
  const { args } = await opened.wrap('cat', [], { key: 'visited', mode: 'persistent' })
  return { corral: opened, door: args[args.indexOf('--door') + 1] ?? '' }
}

async function guest(...words: (string | number | bigint | undefined)[]) {
  const child = spawn(await compiled(guestSource), words.map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

const JOINED = new RegExp(`^word ${KIND.joined}$`)
const descriptors = () => readdirSync('/proc/self/fd').length

function ownChild(): { child: ChildProcess; exited: Promise<unknown[]> } {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, exited: once(child, 'exit') }
}

const claims: [string, (child: ChildProcess) => number | undefined][] = [
  ['init', () => 1],
  ['the gateway', () => process.pid],
  ['a child of the gateway', ({ pid }) => pid],
  ['nobody', () => 0],
  ['a number out of all bounds', () => 2 ** 40],
]

for (const [what, claimed] of claims)
  test(`who joins and says that its holder is ${what}, is only itself`, async () => {
    const { corral: opened, door } = await openHere()
    const { child, exited } = ownChild()
    const joining = await guest(door, KIND.join, claimed(child), 0, child.pid)
    await line(joining.stdout, JOINED)
    const session = opened.get('visited')
    expect(session?.members()).toEqual([])
    expect(session?.usage().pids).toBe(0)
    child.stdin?.end()
    expect(await within('its own child has exited', exited)).toEqual([0, null])
  })

test('the exit of a child of the gateway that joins itself is its gateway’s to hear', async () => {
  const { door } = await openHere()
  const joining = await guest(door, KIND.join, 1, 0)
  await line(joining.stdout, JOINED)
  const exited = once(joining, 'exit')
  joining.kill('SIGKILL')
  expect(await within('it has exited', exited)).toEqual([null, 'SIGKILL'])
})

test('who has joined and gone costs the gateway nothing any more', async () => {
  const { door } = await openHere()
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      const joining = await guest(door, KIND.join, 1, 0)
      await line(joining.stdout, JOINED)
      const exited = once(joining, 'close')
      joining.kill('SIGKILL')
      await exited
    }
  }
  await rounds(1)
  const before = descriptors()
  await rounds(20)
  await eventually('their descriptors are closed', () => descriptors() <= before, { instead: descriptors })
})

test('as many join as the session can have; the next is told so, and costs nothing', async () => {
  const { corral: opened, door } = await openHere()
  const { command, args } = await opened.wrap('true', [], { key: 'other' })
  const before = descriptors()
  const joining = await guest(door, 'join', 300)
  expect(await line(joining.stdout, /^joined/)).toBe('joined 256')
  const words = args.map((word, at) => (args[at - 1] === '--door' ? door : word))
  const next = spawnSync(command, words, { encoding: 'utf8' })
  expect(next.stderr).toContain('has 256 commands that were started by others, as many as it can have')
  expect(next.status).toBe(1)
  // And the pipe that we read the joining one by
  await eventually('who was refused costs nothing any more', () => descriptors() <= before + 256 + 1, {
    instead: descriptors,
  })
  const gone = once(joining, 'close')
  joining.kill('SIGKILL')
  await gone
  await eventually('their descriptors are closed', () => descriptors() <= before, { instead: descriptors })
  expect(spawnSync(command, words, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

test('so many visitors that there is no room for more keep nobody from seeing and ending the session', async () => {
  const { corral: opened, door } = await openHere()
  const idle = await guest(door, 'idle', 60)
  await line(idle.stdout, /^idle$/)
  const more = await guest(door, 'idle', 60)
  await line(more.stdout, /^idle$/)
  const { stdout } = await corral(['ls', '--backend', 'subreaper', '--json'])
  expect(stdout).toContain(opened.id)
  const closed = opened.get('visited')?.closed
  expect(await corral(['kill', 'visited', '--backend', 'subreaper'])).toMatchObject({ status: 0 })
  expect((await closed)?.reason).toBe('corral-kill')
})

test('a visitor cannot have an end take for ever', async () => {
  const { corral: opened } = await openHere()
  const stubborn = 'trap "echo asked" TERM; echo ready; while :; do sleep 1000 & wait; done'
  const { command, args } = await opened.wrap('sh', ['-c', stubborn], { key: 'asked', mode: 'persistent' })
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await line(child.stdout, /^ready$/)
  const session = opened.get('asked')
  const endless = 2n ** 62n
  await guest(args[args.indexOf('--door') + 1], KIND.end, endless, endless)
  await line(child.stdout, /^asked$/)
  const { killed } = await within('it is closed', session?.close({ graceMs: 0 }) ?? Promise.reject())
  expect(killed.count).toBeGreaterThan(0)
})

test('a door that hands out what is no text of ours shows no session, and is not waited for', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-door-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const labels = join(directory, 'labels')
  writeFileSync(
    labels,
    JSON.stringify({
      instance: 'sfake',
      owner: { pid: 1, command: 'init' },
      keys: ['fake'],
      mode: 'oneshot',
      command: 'x',
      startedAt: 1,
    }),
  )
  const host = await guest(`corral-door-${'cd'.repeat(12)}`, 'host', labels)
  await line(host.stdout, /^open$/)
  const { stdout, status } = await corral(['ls', '--backend', 'subreaper', '--json'])
  expect(status).toBe(0)
  expect(stdout).not.toContain('sfake')
})

test('who lives in a session and says all words about others does nothing to them', async () => {
  const { corral: opened, door } = await openHere()
  const { child: victim } = ownChild()
  const other = await opened.spawn({ key: 'other', command: 'sleep', args: ['1000'], mode: 'persistent' })
  const inside = await opened.spawn({ key: 'inside', command: 'cat', mode: 'persistent' })
  const talker = await inside.spawn(await compiled(guestSource), [door, 'all', String(victim.pid)])
  await line(talker.stdout as Readable, /^said all$/)
  const visited = opened.get('visited')
  expect(visited?.members()).not.toContain(victim.pid)
  expect([other.state, visited?.state]).toEqual(['running', 'running'])
  expect((await inside.close()).killed.count).toBe(2)
  const report = await visited?.close()
  expect(report?.reason).toBe('closed')
  expect((await other.close()).killed.count).toBe(1)
  expect(victim).toMatchObject({ exitCode: null, signalCode: null })
})
