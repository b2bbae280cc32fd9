// The real gateway of OpenClaw, from npm, on the Node that it needs, offline: with a home, a configuration and a port of its
// own, in a room of the pen.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Agent } from '../../../bench/demo/agents.mjs'
import { installAgent } from '../../../bench/demo/claude-agent.mjs'
import { entering, type openPen } from '../../../bench/demo/pen.mjs'
import { addonPath } from '../../../src/native/addon.js'
import { eventually } from '../../support/eventually.js'
import { makeRooms } from '../client.js'

const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url))
const CLI = join(PACKAGE, 'dist/cli/main.js')
const STAND_IN = fileURLToPath(new URL('acpx-stand-in', import.meta.url))
const BRIDGE = fileURLToPath(new URL('../../integrations/recipes/fixtures/mcp-server.mjs', import.meta.url))
const UP_WITHIN_MS = 120_000
const CALL_MS = 60_000
const TOKEN = 'none'

/** The parent of the sessions that are spawned here, unless it is said otherwise. */
export const MAIN = 'agent:main:main'

/** What OpenClaw has a requester be allowed, so that it may start agents behind ACP; by HTTP none of it is by default. */
const TOOLS =
  'sessions_spawn apply_patch edit exec fs_delete fs_move fs_write process read shell spawn write'.split(' ')

export async function installOpenClaw() {
  const node = `node-linux-${process.arch}`
  const { directory } = await installAgent('openclaw@2026.9.6', 'openclaw', 830, [
    '--ignore-scripts',
    `${node}@24.21.0`,
  ])
  const modules = join(directory, 'node_modules')
  return { modules, node: join(modules, node, 'bin/node'), main: join(modules, 'openclaw/openclaw.mjs') }
}

export interface Kind {
  name: string
  /** Whether `corral setup openclaw` has been over its configuration. */
  wrapped: boolean
  /** Whether it has corral/openclaw. */
  plugin: boolean
  /** Whether its ACP backend ends no agents, and says it has. */
  forgetful?: boolean
}

export async function startOpenClaw(
  pen: ReturnType<typeof openPen>,
  scratch: string,
  agent: Agent,
  kind: Kind,
) {
  const { node, main } = await installOpenClaw()
  const { room, house, root } = makeRooms(pen, kind.name)
  const home = join(scratch, kind.name)
  const [cwd, standIn] = [join(home, 'work'), join(home, 'acpx')]
  mkdirSync(cwd, { recursive: true })
  cpSync(STAND_IN, standIn, { recursive: true })
  const port = await freePort()
  const config = join(home, 'openclaw.json')
  // In what looks like a test run OpenClaw is another
  const inherited = Object.entries(agent.env).filter(([name]) => !/^(VITEST|NODE_ENV)/.test(name))
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(inherited),
    HOME: home,
    OPENCLAW_CONFIG_PATH: config,
    OPENCLAW_STATE_DIR: join(home, 'state'),
    OPENCLAW_SKIP_CHANNELS: '1',
    OPENCLAW_GATEWAY_TOKEN: TOKEN,
    CORRAL_ADDON: addonPath(), // a package that is made of a checkout has none
  }
  const acpx = {
    acpx: import.meta.resolve('acpx/runtime'),
    agents: { claude: { command: agent.command, args: agent.args } },
    bridge: { command: process.execPath, args: [BRIDGE] },
    stateDir: join(home, 'acpx-state'),
    cwd,
    forgetful: kind.forgetful === true,
  }
  writeFileSync(
    config,
    JSON.stringify({
      gateway: {
        mode: 'local',
        port,
        bind: 'loopback',
        auth: { mode: 'token', token: TOKEN },
        tools: { allow: TOOLS },
      },
      logging: { file: join(home, 'openclaw.log') },
      agents: { list: [{ id: 'main', default: true }, { id: 'claude' }] },
      acp: { enabled: true, backend: 'acpx', defaultAgent: 'claude', allowedAgents: ['claude'] },
      plugins: {
        load: { paths: [standIn] },
        allow: ['acpx', ...(kind.plugin ? ['corral'] : [])],
        entries: {
          acpx: { enabled: true, config: acpx },
          ...(kind.plugin && { corral: { enabled: true, config: { root, graceMs: 500 } } }),
        },
      },
    }),
  )
  if (kind.plugin) {
    const tarball = await output(
      'npm',
      ['pack', '--silent', '--ignore-scripts', '--pack-destination', home],
      env,
      PACKAGE,
    )
    const words = ['plugins', 'install', '--force', '--accept-capabilities', join(home, tarball.trim())]
    await output(node, [main, ...words], env)
  }
  if (kind.wrapped) {
    const words = ['setup', 'openclaw', '--root', root, '--grace', '500', '--write']
    await output(process.execPath, [CLI, ...words], env)
  }

  const log = join(home, 'gateway.log')
  const said = () => readFileSync(log, 'utf8')
  const line = entering(house, node, [main, 'gateway', 'run', '--port', String(port)])
  const child = spawn(line.command, line.args, {
    cwd: home,
    env,
    stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
  })
  const exited = once(child, 'exit')

  /** Whether it starts agents tells that all of its plugins have started. */
  async function sessionsSpawn(task: string, parent: string): Promise<string | undefined> {
    const args = { runtime: 'acp', agentId: 'claude', mode: 'run', cwd, task }
    const response = await fetch(`http://127.0.0.1:${port}/tools/invoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tool: 'sessions_spawn', sessionKey: parent, args }),
    }).catch(() => undefined) // it is not up yet
    if (child.exitCode !== null) throw new Error(`the gateway has ended: ${said()}`)
    const answer = (await response?.json().catch(() => undefined)) as
      | { result?: { details?: { status?: string; childSessionKey?: string } } }
      | undefined
    last = JSON.stringify(answer)
    const { status, childSessionKey } = answer?.result?.details ?? {}
    return status === 'accepted' ? childSessionKey : undefined
  }
  let last: string | undefined

  /** Calls the gateway by its own command line. */
  const call = (method: string, params: object) =>
    output(
      node,
      [
        main,
        'gateway',
        'call',
        method,
        '--timeout',
        String(CALL_MS),
        '--json',
        '--params',
        JSON.stringify(params),
      ],
      env,
    )

  await eventually('the gateway listens', () => listens(port), {
    withinMs: UP_WITHIN_MS,
    everyMs: 200,
    instead: said,
  })
  await call('sessions.reset', { key: MAIN }) // begins the session: OpenClaw tells of no end of one that is none

  return {
    room,
    root,
    pid: child.pid as number,
    said,
    /** A oneshot run, as the tool `sessions_spawn` starts it. Resolves with its session key. */
    spawn: (task: string, parent = MAIN): Promise<string> =>
      eventually('the gateway takes a run', () => sessionsSpawn(task, parent), {
        withinMs: UP_WITHIN_MS,
        everyMs: 500,
        instead: () => `${last}\n${said()}`,
      }),
    call,
    async end(signal: NodeJS.Signals) {
      child.kill(signal)
      await exited
    },
  }
}

export type OpenClaw = Awaited<ReturnType<typeof startOpenClaw>>

async function output(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${out}${errors}`)
  return out
}

const listens = (port: number) =>
  fetch(`http://127.0.0.1:${port}`).then(
    () => true,
    () => false,
  )

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
