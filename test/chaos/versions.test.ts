// Gateways live for months, so versions meet: one is installed beside the gateway of another, or below it while it runs. Nothing of
// a gateway that lives is ended but by whoever asks for that, and nothing is left of one that is dead.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import type { ForeignDirectory } from '../../src/backend/facts.js'
import type { InstanceView, SessionView } from '../../src/backend/outside.js'
import { PROTOCOL } from '../../src/native/protocol.js'
import { members } from '../support/cgroup-tree.js'
import { eventually } from '../support/eventually.js'
import type { Gateway, GatewayOptions } from '../support/gateway.js'
import { guardGroup } from '../support/kill-both.js'
import type { Pen } from '../support/pen.js'
import { newPen, test as penTest } from '../support/pen-test.js'
import { earlier, LATER, later, present, type Version } from './versions/version.js'

// Each spoke with its guards and holders as it did then
const EARLIER = { '0.1.0 of November 2026': '5f1152c9c62a1cd0044b646e29dedc82430a7d95' }

type Holding = 'cgroup' | 'subreaper'

// Gateways live beside the root: what is in there is sessions
const test = penTest.extend<{ gateways: Pen; beside: Pen }>({
  gateways: async ({ skip }, use) => {
    await using gateways = await newPen('gateways', skip)
    await use(gateways)
  },
  beside: async ({ skip }, use) => {
    await using beside = await newPen('beside', skip)
    await use(beside)
  },
})

/** A place for instances of both versions. */
class Place {
  readonly root: Pen
  readonly gateways: Pen
  readonly holding: Holding
  /** All keys of it begin so: sessions without cgroups of this user are all in one place. */
  readonly name = `versions-${randomBytes(4).toString('hex')}`

  constructor(root: Pen, gateways: Pen, holding: Holding) {
    this.root = root
    this.gateways = gateways
    this.holding = holding
  }

  get options(): GatewayOptions {
    return this.holding === 'cgroup' ? { root: this.root.path } : { backend: 'subreaper' }
  }

  get words(): string[] {
    return this.holding === 'cgroup' ? ['--root', this.root.path] : ['--backend', 'subreaper']
  }

  open(version: Version, gateways = this.gateways): Promise<Gateway> {
    return version.gateway(gateways, this.options)
  }

  key(name: string): string {
    return `${this.name}:${name}`
  }

  /** Starts a session that leaves a process behind; gives the pids of both. */
  async session(gateway: Gateway, name: string, parent?: string): Promise<number[]> {
    const script = 'setsid sleep 1000 & echo ready; exec sleep 1000'
    const key = this.key(name)
    const options = { key, command: 'sh', args: ['-c', script] }
    await gateway.spawn(
      { ...options, ...(parent !== undefined && { parentKey: this.key(parent) }) },
      '^ready$',
    )
    return (await gateway.ask('members', key)) as number[]
  }

  /** The keys of it that a version's `corral ls` shows, of instances that live or that are dead. */
  async listed(version: Version, alive = true): Promise<string[]> {
    const { instances } = (await version.command('ls', ...this.words)) as { instances: InstanceView[] }
    const keysOf = ({ key, children, group }: SessionView): string[] => [
      ...(group && key?.startsWith(`${this.name}:`) ? [key] : []),
      ...children.flatMap(keysOf),
    ]
    return instances
      .filter((one) => one.alive === alive)
      .flatMap(({ sessions }) => sessions.flatMap(keysOf))
      .sort()
  }

  /** Has a version's `corral kill` end one of its sessions. */
  kill(version: Version, name: string) {
    const words = [join(version.directory, 'dist/cli/main.js'), 'kill', ...this.words, this.key(name)]
    return spawnSync(process.execPath, words, { encoding: 'utf8' })
  }

  /** Kills a gateway together with whatever would collect after it. */
  async killWhole(gateway: Gateway): Promise<void> {
    if (this.holding === 'cgroup') return gateway.killWithGuard(this.root.path)
    const wardens = [...(await gateway.named('corral-keeper')), ...(await gateway.named('corral-holder'))]
    gateway.child.kill('SIGSTOP')
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of wardens) process.kill(pid, signal)
    await gateway.kill()
  }

  /** The instances that there are, in cgroups. */
  async instances(): Promise<string[]> {
    const groups = this.holding === 'cgroup' ? await this.root.groups() : []
    return groups.filter((group) => /\/corral\/[^/]+$/.test(group))
  }
}

function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return existsSync(`/proc/${pid}`)
  }
}

const expectAlive = (pids: number[]) => expect(pids.filter(lives)).toEqual(pids)
const ended = (pids: number[]) => eventually(`${pids} have ended`, () => !pids.some(lives))

for (const [name, commit] of Object.entries(EARLIER)) {
  const before = earlier(commit)
  if (typeof before === 'string') {
    test.skip(`${name}: ${before}`, () => undefined)
    continue
  }
  const meetings: [string, Version, Version][] = [
    [`a gateway of ${name} and the present version`, before, present],
    [`a gateway of the present version and ${name}`, present, before],
  ]
  for (const [meeting, owners, others] of meetings)
    describe.each(['cgroup', 'subreaper'] as const)(`${meeting}, %s`, (holding) => {
      test('while it lives: it is seen, and nothing of it ended but what is asked for', async ({
        pen,
        gateways,
      }) => {
        const place = new Place(pen, gateways, holding)
        const gateway = await place.open(owners)
        const [kept, killed] = [
          await place.session(gateway, 'kept'),
          await place.session(gateway, 'killed', 'kept'),
        ]
        expect(await place.listed(others)).toEqual([place.key('kept'), place.key('killed')])
        expect(await others.command('sweep', ...place.words)).toMatchObject({ failed: [] })
        const second = await place.open(others) // which sweeps
        const own = await place.session(second, 'own')
        expect(await place.listed(owners)).toEqual([place.key('kept'), place.key('killed'), place.key('own')])
        expectAlive([...kept, ...killed, ...own])
        await others.command('kill', ...place.words, place.key('killed'))
        expect(await gateway.closed(place.key('killed'))).toMatchObject({ key: place.key('killed') })
        await ended(killed)
        expectAlive([...kept, ...own])
        await owners.command('kill', ...place.words, place.key('own'))
        await second.closed(place.key('own'))
        await ended(own)
        // It takes its place up again
        expect(await place.session(gateway, 'killed', 'kept')).toHaveLength(2)
        await second.leave()
        expectAlive(kept)
        await gateway.leave()
        await ended(kept)
        expect(await place.instances()).toEqual([])
      })

      test('when it dies, its own guard ends all of it, and nothing of the other', async ({
        pen,
        gateways,
      }) => {
        const place = new Place(pen, gateways, holding)
        const gateway = await place.open(owners)
        const second = await place.open(others)
        const [lost, own] = [await place.session(gateway, 'lost'), await place.session(second, 'own')]
        await gateway.kill()
        await ended(lost)
        expectAlive(own)
        if (holding === 'cgroup')
          await eventually('its directories are gone', async () => (await place.instances()).length === 1)
        expect(await place.listed(others)).toEqual([place.key('own')])
        await second.leave()
      })

      test.for(['corral sweep', 'openCorral()'])(
        'when it died with its guard, %s of the other collects it all',
        async (by, { pen, gateways, beside }) => {
          const place = new Place(pen, gateways, holding)
          const bystander = await place.open(owners, beside)
          const spared = await place.session(bystander, 'spared')
          const gateway = await place.open(owners)
          const lost = [
            ...(await place.session(gateway, 'lost')),
            ...(await place.session(gateway, 'child', 'lost')),
          ]
          await place.killWhole(gateway)
          expectAlive([...lost, ...spared])
          if (holding === 'cgroup')
            expect(await place.listed(others, false)).toEqual([place.key('child'), place.key('lost')])
          if (by === 'corral sweep')
            expect(await others.command('sweep', ...place.words)).toMatchObject({ failed: [] })
          else await (await place.open(others)).leave()
          await ended(lost)
          expectAlive(spared)
          if (holding === 'cgroup') expect(await place.instances()).toHaveLength(1)
          await bystander.leave()
          expect(await place.instances()).toEqual([])
        },
      )

      if (holding === 'cgroup')
        test('a corral run of the other in a session of it ends with that', async ({ pen, gateways }) => {
          const place = new Place(pen, gateways, holding)
          const gateway = await place.open(owners)
          const main = join(others.directory, 'dist/cli/main.js')
          const script = 'setsid sleep 1000 & echo "$$ $!"; exec sleep 1000'
          const inner = { command: process.execPath, args: [main, 'run', '--', 'sh', '-c', script] }
          for (const ending of ['close', 'corral kill', 'death'] as const) {
            const key = place.key(ending)
            const { said = '' } = await gateway.spawn({ key, ...inner }, '^\\d+ \\d+$')
            const pids = said.split(' ').map(Number)
            expectAlive(pids)
            expect(await place.listed(others)).toEqual([key])
            if (ending === 'close') await gateway.close(key, { graceMs: 0 })
            else if (ending === 'corral kill') await others.command('kill', ...place.words, key)
            else await gateway.kill()
            await ended(pids)
          }
          await eventually('its directories are gone', async () => (await place.instances()).length === 0)
        })

      describe('whose package is replaced by the other while it runs', () => {
        const installed = owners.copy()
        afterAll(() => installed.remove())

        // Who is older knows no number that is newer than its own
        const title =
          others === present
            ? 'goes on, with a guard of the other, which ends all when it dies'
            : 'goes on, and says that it has no guard because the other is of another version'

        test(title, async ({ pen, gateways }) => {
          const place = new Place(pen, gateways, holding)
          const gateway = await place.open(installed)
          installed.updateWarden(others)
          const pids = await place.session(gateway, 'before')
          if (holding === 'subreaper') process.kill(await gateway.keeper(), 'SIGKILL')
          else
            for (const pid of await members(guardGroup(pen.path, gateway.instance)))
              process.kill(pid, 'SIGKILL')
          const outcome = others === present ? 'restarted' : 'failed'
          const { error } = (await eventually(
            'there is word of another guard',
            () => gateway.guardEvents.find(({ event }) => event === outcome),
            { instead: () => gateway.guardEvents },
          )) as { error?: { hint: string; path: string } }
          if (others === present) pids.push(...(await place.session(gateway, 'after')))
          else {
            expect(error?.hint).toMatch(
              /^Restart the gateway, .*the package was replaced while the gateway ran/,
            )
            expect(error?.path).toMatch(/corral-warden$/)
          }
          expectAlive(pids)
          await gateway.kill()
          if (others !== present && holding === 'cgroup')
            expect(await present.command('sweep', ...place.words)).toMatchObject({ failed: [] })
          await ended(pids)
          if (holding === 'cgroup')
            await eventually('its directories are gone', async () => (await place.instances()).length === 0)
        })
      })
    })
}

describe('a protocol that is not known is one clear error', () => {
  const future = later()
  afterAll(() => future.remove())
  const why = (other: number, own: number) =>
    `it speaks protocol ${other}, and this corral speaks ${own}: use the version of `
  const warden = (version: Version) => join(version.directory, 'build/Release/corral-warden')

  for (const [who, owners, visitors, numbers] of [
    ['a later one of a session of this', present, future, [PROTOCOL, LATER]],
    ['this of a session of a later one', future, present, [LATER, PROTOCOL]],
  ] as const)
    test(`to ${who}: it is told of and left`, async ({ pen, gateways }) => {
      const [other, own] = numbers
      const place = new Place(pen, gateways, 'subreaper')
      const gateway = await place.open(owners)
      const pids = await place.session(gateway, 'kept')
      const holder = `/proc/${(await gateway.named('corral-holder'))[0]}`
      const found = (await visitors.command('ls', ...place.words)) as { unspoken?: ForeignDirectory[] }
      expect(found.unspoken).toContainEqual({ path: holder, why: expect.stringContaining(why(other, own)) })
      expect(await place.listed(visitors)).toEqual([])
      const killed = await place.kill(visitors, 'kept')
      expect(killed.status).toBe(1)
      expect(killed.stdout).toContain(`left ${holder}: ${why(other, own)}`)
      expectAlive(pids)
      const { args } = await gateway.wrap(['true'], { key: place.key('wrapped') })
      const entered = spawnSync(warden(visitors), args, { encoding: 'utf8' })
      expect(entered).toMatchObject({ status: 1, stdout: '' })
      expect(entered.stderr).toMatch(
        new RegExp(
          `^corral: the session at corral-door-.* speaks protocol ${other}, and this is ${own}, of version `,
        ),
      )
      await gateway.leave()
      await ended(pids)
    })
})
