// corral/openclaw by OpenClaw's hooks, called as its gateway calls them, with real sessions of `corral run`.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, onTestFinished } from 'vitest'
import type { Hooks } from '../../../src/integrations/openclaw/api.js'
import plugin from '../../../src/integrations/openclaw/index.js'
import { CLI, LIVING, orphan, running } from '../../cli/command-line.js'
import { members } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const TERMINATED = [null, 'SIGTERM']

/** The plugin in a gateway: its hooks, and what it logs. */
function load(pluginConfig: Record<string, unknown>, rootDir = PACKAGE) {
  const hooks = {} as Hooks
  const log: string[] = []
  plugin.register({
    rootDir,
    pluginConfig,
    logger: { info: (text) => log.push(text), warn: (text) => log.push(`warning: ${text}`) },
    on: (name: keyof Hooks, handler: Hooks[keyof Hooks]) => void Object.assign(hooks, { [name]: handler }),
  })
  return { hooks, log }
}

const loadIn = (pen: Pen) => load({ root: pen.path, graceMs: 100 })

const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url))

// In a session of its own, and deaf to SIGTERM
const LEFTOVER = "(trap '' TERM; exec setsid sleep 1000) &"

/** Sessions of two processes that live until they are ended. */
const started = (pen: Pen, ...keys: string[]) =>
  Promise.all(keys.map((key) => running(pen, ['--session', key], `${LEFTOVER} ${LIVING}`)))

/** A package of which the command line does something before. */
async function packagedWith(before: string): Promise<string> {
  const packaged = await mkdtemp(path.join(tmpdir(), 'corral-plugin-'))
  onTestFinished(() => rm(packaged, { recursive: true }))
  await mkdir(path.join(packaged, 'dist/cli'), { recursive: true })
  await writeFile(path.join(packaged, 'dist/cli/main.js'), `${before}; await import(${JSON.stringify(CLI)})`)
  await writeFile(path.join(packaged, 'package.json'), '{ "type": "module" }')
  return packaged
}

describe('the plugin', () => {
  test('ends the family of a session that is reset, at any depth, and nobody else', async ({ pen }) => {
    const { hooks, log } = loadIn(pen)
    const doomed = await started(pen, 'mother', 'child', 'grandchild')
    await started(pen, 'stranger')
    hooks.subagent_spawned({}, { childSessionKey: 'child', requesterSessionKey: 'mother' })
    hooks.subagent_progress({}, { childSessionKey: 'grandchild', requesterSessionKey: 'child' })

    hooks.session_end({ sessionKey: 'mother', reason: 'reset' })

    expect(await Promise.all(doomed.map(({ exited }) => exited))).toEqual([
      TERMINATED,
      TERMINATED,
      TERMINATED,
    ])
    await eventually('the log', () => log.length === 3)
    expect(log.toSorted()[0]).toMatch(/^session reset of mother: ended child \(2 processes\)$/)
    expect(await pen.members()).toHaveLength(2)
  })

  test('ends a subagent that has ended, with what it asked for', async ({ pen }) => {
    const { hooks } = loadIn(pen)
    const doomed = await started(pen, 'done', 'its own')
    hooks.subagent_progress({}, { childSessionKey: 'its own', requesterSessionKey: 'done' })

    hooks.subagent_ended({ targetSessionKey: 'done', reason: 'subagent-complete' })

    expect(await Promise.all(doomed.map(({ exited }) => exited))).toEqual([TERMINATED, TERMINATED])
    expect(await pen.members()).toEqual([])
  })

  test('knows a session by the key that its MCP bridge was given', async ({ pen }) => {
    const { hooks } = loadIn(pen)
    const bridge = 'OPENCLAW_TOOLS_MCP_AGENT_SESSION_KEY=agent:claude:acp:1 setsid sleep 1000 &'
    const doomed = await running(pen, [], `${bridge} ${LIVING}`)

    hooks.subagent_ended({ targetSessionKey: 'agent:claude:acp:1', reason: 'subagent-killed' })

    expect(await doomed.exited).toEqual(TERMINATED)
    expect(await pen.members()).toEqual([])
  })

  test('leaves a session of the same key to the gateway that has started it', async ({ pen }) => {
    const { hooks } = loadIn(pen)
    const other = `tail -f /dev/null | '${process.execPath}' '${CLI}' run --root '${pen.path}' --session same -- sleep 999; :`
    pen.spawn('setsid', ['--fork', 'sh', '-c', other])
    await eventually('the command of the other', async () => {
      const place = (await pen.groups()).find((group) => group.endsWith('same/agent/in'))
      return place !== undefined && (await members(place)).length > 0
    })
    const there = await pen.members()
    const [own] = await started(pen, 'same')

    hooks.session_end({ sessionKey: 'same', reason: 'deleted' })
    await own?.exited
    await hooks.gateway_stop({ reason: 'gateway stopping' })

    // Of our own `corral run`, whose guard may be at work yet
    const staysAlone = async () => isDeepStrictEqual(await pen.members(), there)
    await eventually('the other alone is left', staysAlone, { instead: () => pen.members() })
  })

  test('ends nobody when a session goes on, nor when the plugin is replaced', async ({ pen }) => {
    const { hooks, log } = loadIn(pen)
    await started(pen, 'same')
    const there = await pen.members()
    const [last] = await started(pen, 'last')

    for (const reason of ['compaction', 'idle', 'daily', 'shutdown'])
      hooks.session_end({ sessionKey: 'same', reason })
    await hooks.gateway_stop({ reason: 'plugin replacement' })
    hooks.session_end({ sessionKey: 'last', reason: 'reset' }) // whatever the others began is over before
    await last?.exited
    await eventually('the log', () => log.length > 0)

    expect(await pen.members()).toEqual(there)
    expect(log).toEqual(['session reset of last: ended last (2 processes)'])
  })

  test('ends all when the gateway stops, and has it wait for that', async ({ pen }) => {
    const { hooks, log } = loadIn(pen)
    await started(pen, 'one', 'two')

    await hooks.gateway_stop({ reason: 'gateway stopping' })

    expect(await pen.members()).toEqual([])
    expect(log).toHaveLength(2)
  })

  test('ends all also where their listing is longer than a MiB', async ({ pen }) => {
    // What it prints begins with blanks, which JSON may
    const packaged = await packagedWith(`process.stdout.write(' '.repeat(2 ** 21))`)
    const { hooks, log } = load({ root: pen.path, graceMs: 100 }, packaged)
    await started(pen, 'one', 'two')

    await hooks.gateway_stop({ reason: 'gateway stopping' })

    expect(await pen.members()).toEqual([])
    expect(log).toHaveLength(2)
  })

  const UNLISTED = {
    'that ends with an error': `if (process.argv[2] === 'ls') process.exit(1)`,
    'that prints no JSON': `if (process.argv[2] === 'ls') { console.log('sessions:'); process.exit() }`,
  }
  test.for(Object.entries(UNLISTED))(
    'ends all that are meant also with a listing %s',
    async ([, before], { pen }) => {
      const { hooks, log } = load({ root: pen.path, graceMs: 100 }, await packagedWith(before))
      const other = `tail -f /dev/null | '${process.execPath}' '${CLI}' run --root '${pen.path}' -- sleep 999; :`
      pen.spawn('setsid', ['--fork', 'sh', '-c', other])
      const stranger = await eventually('the other', async () => {
        const groups = (await pen.groups()).filter((group) => group.includes('/sessions/'))
        return (await members(groups[0] ?? '/nowhere'))[0]
      })
      const [reset, , spared] = await started(pen, 'a:key', 'child', 'spared')
      hooks.subagent_spawned({}, { childSessionKey: 'child', requesterSessionKey: 'a:key' })

      hooks.session_end({ sessionKey: 'a:key', reason: 'reset' })
      await reset?.exited
      await eventually('the log', () => log.length === 3, { instead: () => log })
      expect(log[0]).toMatch(/^warning: session reset of a:key: the sessions cannot be listed, /)
      expect(log.slice(1)).toEqual(Array(2).fill(expect.stringMatching(/^session reset of a:key: ended i/)))
      await hooks.gateway_stop({ reason: 'gateway stopping' })

      await spared?.exited
      expect(log[4]).toMatch(/^gateway stop: ended i/)
      expect(await pen.members()).toContain(stranger)
    },
  )

  test('collects what dead gateways have left when the gateway starts', async ({ pen }) => {
    const { hooks, log } = loadIn(pen)
    const [lost] = await started(pen, 'lost')
    if (lost) await orphan(lost, pen)
    await eventually('its own end of its input', async () => (await pen.members()).length === 1)

    hooks.gateway_start({})

    await eventually('nobody is left', async () => (await pen.members()).length === 0)
    await eventually('the log', () => /^sweep: collected \S+ \(1 processes\)$/.test(log[0] ?? ''), {
      instead: () => log,
    })
    expect(await pen.groups()).toEqual([])
  })

  test('logs what goes wrong, and throws nothing', async () => {
    const { hooks, log } = load({ root: '/no/such/directory' })

    hooks.gateway_start({})
    hooks.session_end({ sessionKey: 'any', reason: 'reset' })
    await hooks.gateway_stop({})

    await eventually('the log', () => log.length === 3)
    for (const line of log) expect(line).toMatch(/^warning: .*\/no\/such\/directory/)
  })
})
