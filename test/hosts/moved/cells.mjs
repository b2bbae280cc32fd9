// In a guest with systemd: starts what moves itself or is moved out of a session, ends the session in each way, and tells what
// became of it, a line of JSON for each cell of the table in docs/escape.md. As root, or as a user who may sudo.
//   node cells.mjs WHO [PART OF A PROGRAM'S NAME]
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises' // timer: there is nobody to tell of what is waited for here
import { fileURLToPath } from 'node:url'
import { claudeEnvironment } from '../../../bench/demo/agents.mjs'
import { installAgent } from '../../../bench/demo/claude-agent.mjs'
import { startFakeModel } from '../../../bench/demo/fake-model.mjs'
import { NEWEST_CLAUDE } from './claude.mjs'

const [name, part = ''] = process.argv.slice(2)
const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const CLI = file('../../../dist/cli/main.js')
const GATEWAY = file('../../support/gateway.mjs')
const ROOT = process.getuid() === 0
/** By who the gateway is: in the table, with which options, and whether only what logs in is tried, for all else is as without. */
const WHO = {
  root: { who: 'root' },
  mark: { who: 'root, `loginMark`', options: { loginMark: true }, logins: true },
  user: { who: 'an ordinary user' },
  service: { who: 'an ordinary user, in a system service', logins: true },
}
const { who, options, logins = false } = WHO[name]
const KILL_MS = 3000
const PATIENCE_MS = 15_000 // of a guest that is ten times slower

// ---- programs ----

const quiet = '>/dev/null 2>&1 </dev/null'
const bundle = `/tmp/bundle-${process.getuid()}`

/** `leader`: the command is what is moved. Else it leaves something behind, and goes on until its input ends. */
const PROGRAMS = {
  '`su -`': { told: /^systemd-logind/, leader: (n) => ['su', '-', 'visitor', '-c', `exec sleep ${n}`] },
  'what `su -` leaves': {
    told: /^systemd-logind/,
    left: (n) => `su - visitor -c 'setsid sleep ${n} ${quiet} &'`,
  },
  '`sudo -i`': { told: /^systemd-logind/, leader: (n) => ['sudo', '-i', 'sleep', String(n)] },
  'what `sudo -i` leaves': {
    told: /^systemd-logind/,
    left: (n) => `sudo -i sh -c 'setsid sleep ${n} ${quiet} &'`,
  },
  ...(ROOT && {
    '`runuser -l`': {
      told: /^systemd-logind/,
      leader: (n) => ['runuser', '-l', 'visitor', '-c', `exec sleep ${n}`],
    },
    'what `runuser -l` leaves': {
      told: /^systemd-logind/,
      left: (n) => `runuser -l visitor -c 'setsid sleep ${n} ${quiet} &'`,
    },
  }),
  'a pane of tmux': { left: (n) => `tmux -L c${n} new-session -d 'trap "" HUP; exec sleep ${n}'` },
  '`systemd-run --scope`': {
    left: (n) => `systemd-run ${ROOT ? '' : '--user'} --scope setsid sleep ${n} ${quiet} &`,
  },
  '`crun run -d`': {
    left: (n) =>
      `cd ${bundle} && sed 's/SLEEP/${n}/' template >config.json && crun ${ROOT ? '' : '--cgroup-manager=disabled --root=/tmp/crun-user'} run -d c${n} ${quiet}`,
  },
  // It has a cgroup made for its Bash tool, beside its own: claude-code #60488. As root it does not go without asking
  ...(name === 'user' && {
    '`claude`, and what its Bash tool starts': {
      prepare: prepareClaude,
      patienceMs: 180_000, // of a program of 340 MB, where memory is shared with a few others
      leader: (n) => [
        'env',
        `HOME=/tmp/claude-${n}`,
        ...claude.variables,
        claude.binary,
        '-p',
        `BASH{setsid sleep ${n} ${quiet} & tail -f /dev/null}`,
        '--dangerously-skip-permissions',
      ],
    },
  }),
  '`systemd-run`': {
    told: /^systemd:/,
    left: (n) => `systemd-run ${ROOT ? '' : '--user'} sleep ${n} ${quiet}`,
  },
}

function prepareBundle() {
  const script = `mkdir -p ${bundle}/rootfs && cd ${bundle} && rm -f config.json && crun spec ${ROOT ? '' : '--rootless'} &&
    for f in /bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*'); do mkdir -p rootfs/$(dirname $f) && cp $f rootfs/$f; done`
  execFileSync('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8'))
  config.process.terminal = false
  config.process.args = ['/bin/sleep', 'SLEEP']
  writeFileSync(`${bundle}/template`, JSON.stringify(config))
}

const claude = { binary: '', variables: [] }

async function prepareClaude() {
  const { bin } = await installAgent(...NEWEST_CLAUDE)
  claude.binary = `${bin}/../@anthropic-ai/claude-agent-sdk-linux-x64/claude`
  const { url } = await startFakeModel()
  const variables = { ...claudeEnvironment('/tmp/claude', url), CLAUDE_CODE_TOOL_MEMORY_LIMIT: '256M' }
  claude.variables = Object.entries(variables)
    .filter(([variable]) => /^(ANTHROPIC|CLAUDE|NO_PROXY)/.test(variable))
    .map(([variable, value]) => `${variable}=${value}`)
}

// ---- what lives ----

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended
  }
}

/** The processes that are `sleep N`, as they were started. */
const sleepers = (n) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/cmdline`).replace(/^.*\//, '') === `sleep\0${n}\0`)
    .map(Number)

/** They, and who was told to start them, but for Corral's own. */
const concerned = (n) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const words = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
      return words.includes(`sleep ${n}`) && !/corral-warden|cells\.mjs|cli\/main\.js/.test(words)
    })
    .map(Number)

const placeOf = (pid) => /^0::(.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1] ?? ''

async function eventually(what, done, ms = PATIENCE_MS) {
  const until = Date.now() + ms // timer: in guests, whose bounds are long
  for (;;) {
    const answer = await done()
    if (answer) return answer
    if (Date.now() > until) throw new Error(`late: ${what}`) // timer: as above
    await sleep(20)
  }
}

const sudo = (...words) =>
  spawnSync(ROOT ? words[0] : 'sudo', ROOT ? words.slice(1) : words, { stdio: 'ignore' })

function cleanUp(n) {
  for (const pid of concerned(n)) sudo('kill', '-KILL', String(pid))
  spawnSync('tmux', ['-L', `c${n}`, 'kill-server'], { stdio: 'ignore' })
  if (existsSync(`/run/crun/c${n}`) || existsSync(`/tmp/crun-user/c${n}`))
    spawnSync('crun', [...(ROOT ? [] : ['--root=/tmp/crun-user']), 'delete', '-f', `c${n}`], {
      stdio: 'ignore',
    })
}

// ---- gateways ----

class Gateway {
  #orders = new Map()
  #last = 0
  constructor() {
    this.child = spawn(process.execPath, [GATEWAY], { stdio: ['pipe', 'pipe', 'ignore'] })
    this.child.stdin.on('error', () => undefined)
    this.exited = once(this.child, 'exit')
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const [id, answer, error] = JSON.parse(line)
      this.#orders.get(id)?.(answer, error)
    })
  }
  ask(order, ...words) {
    const id = ++this.#last
    const answered = new Promise((resolve, reject) => {
      this.#orders.set(id, (answer, error) =>
        error ? reject(Object.assign(new Error(error.message), error)) : resolve(answer),
      )
    })
    this.child.stdin.write(`${JSON.stringify([id, order, ...words])}\n`)
    return answered
  }
}

async function command(...words) {
  const child = spawn(process.execPath, [CLI, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data))
  const [status] = await once(child, 'close')
  return { status, text }
}

const procs = (group) => read(`${group}/cgroup.procs`).split('\n').filter(Boolean).map(Number)

/** Both together, the gateway stopped first: it would start another guard. */
async function killBoth(gateway, instance) {
  process.kill(gateway, 'SIGSTOP')
  await eventually('it is stopped', () => /^State:\t[Tt]/m.test(read(`/proc/${gateway}/status`)))
  const guards = await eventually(
    'there is a guard',
    () => procs(`${instance}/warden`).length > 0 && procs(`${instance}/warden`),
  )
  for (const pid of guards) process.kill(pid, 'SIGKILL')
  await eventually('the guard is dead', () => procs(`${instance}/warden`).length === 0)
  process.kill(gateway, 'SIGKILL')
}

const list = (directory) => {
  try {
    return readdirSync(directory)
  } catch {
    return [] // it is gone
  }
}

const instanceOf = (root, key) =>
  list(`${root}/corral`)
    .map((name) => `${root}/corral/${name}`)
    .find((instance) => list(`${instance}/sessions`).includes(key))

const settle = (promise) =>
  promise.then(
    () => '',
    (error) => error.message,
  )

// ---- ways in which sessions are started: each gives what a cell needs ----

async function open(n) {
  const gateway = new Gateway()
  const { id, root } = await gateway.ask('open', { killTimeoutMs: KILL_MS, ...options })
  await gateway.ask('spawn', { key: `main${n}`, command: 'cat', mode: 'persistent' })
  return {
    gateway,
    root,
    instance: `${root}/corral/${id}`,
    key: `k${n}`,
    parentKey: `main${n}`,
    pid: gateway.child.pid,
  }
}

const WAYS = {
  async spawn(words, n, mode) {
    const opened = await open(n)
    const [program, ...args] = words
    const options = { key: opened.key, parentKey: opened.parentKey, command: program, args, mode }
    const { receipt } = await opened.gateway.ask('spawn', options)
    return {
      ...opened,
      notHeld: receipt.notHeld ?? [],
      finish: () => opened.gateway.ask('endInput', opened.key),
    }
  },
  async wrap(words, n, mode) {
    const opened = await open(n)
    const [program, ...args] = words
    const wrapped = await opened.gateway.ask('wrap', program, args, {
      key: opened.key,
      parentKey: opened.parentKey,
      mode,
    })
    const child = spawn(wrapped.command, wrapped.args, { stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.on('error', () => undefined)
    return { ...opened, child, notHeld: wrapped.receipt.notHeld ?? [], finish: () => child.stdin.end() }
  },
  async run(words, n) {
    const key = `k${n}`
    const child = spawn(process.execPath, [CLI, 'run', '--session', key, '--', ...words], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    child.stdin.on('error', () => undefined)
    let text = ''
    child.stderr.on('data', (data) => (text += data))
    const closed = once(child, 'close').then(() => text)
    const root = ROOTS.root
    const instance = await eventually('corral run has an instance', () => instanceOf(root, key))
    return {
      root,
      instance,
      key,
      pid: child.pid,
      child,
      closed,
      notHeld: ROOTS.told,
      finish: () => child.stdin.end(),
    }
  },
}

/** By its name in the table: what was said of it in the end. */
const ENDINGS = {
  'it ends': {
    oneshot: true,
    async by(session) {
      void session.finish()
      return session.closed ?? settle(session.gateway.ask('closed', session.key))
    },
  },
  close: {
    async by(session) {
      if (session.gateway) return settle(session.gateway.ask('close', session.key, { graceMs: 0 }))
      session.child.kill('SIGTERM')
      return session.closed
    },
  },
  'parent reset': {
    noRun: true,
    by: (session) => settle(session.gateway.ask('reset', session.parentKey, { graceMs: 0 })),
  },
  '`corral kill`': {
    by: async (session) => (await command('kill', '--root', session.root, '--grace', '0', session.key)).text,
  },
  'gateway killed': {
    async by(session) {
      process.kill(session.pid, 'SIGKILL')
      await eventually('its guard has ended the instance', () => !existsSync(session.instance)).catch(
        () => undefined,
      )
      return ''
    },
  },
  'both killed, sweep': {
    async by(session) {
      await killBoth(session.pid, session.instance)
      return (await command('sweep', '--root', session.root)).text
    },
  },
}

// ---- cells ----

const ROOTS = { root: '', told: [] }
let last = 700_000 + process.getuid() * 10

async function cell(program, way, ending) {
  const n = ++last
  const { leader, left, told, patienceMs } = PROGRAMS[program]
  const { by, oneshot, noRun } = ENDINGS[ending]
  if ((noRun && way === 'run') || (oneshot && leader)) return { outcome: '–' }
  const words = leader ? leader(n) : ['sh', '-c', `${left(n)}\nread x`]
  let session
  try {
    session = await WAYS[way](words, n, oneshot ? 'oneshot' : 'persistent')
    const runs = () => sleepers(n).length > 0 && sleepers(n)
    const pids = await eventually(`${program} runs`, runs, patienceMs)
    // Who moves it does so a moment after its start
    const moved = await eventually(
      'it is moved',
      () => pids.every((pid) => !placeOf(pid).includes('/corral/i')),
      1500,
    ).catch(() => false)
    const where = pids.map(placeOf)
    const said = await by(session)
    await eventually('nobody is left', () => concerned(n).length === 0, 1000).catch(() => undefined)
    const survivors = concerned(n)
    const outcome =
      survivors.length === 0
        ? 'ended'
        : survivors.every((pid) => said.includes(String(pid)))
          ? 'named'
          : told && session.notHeld.some((one) => told.test(one))
            ? 'told'
            : 'lost'
    return {
      outcome,
      moved: moved !== false,
      ...(outcome !== 'ended' && { where, said, notHeld: session.notHeld }),
    }
  } catch (error) {
    return { outcome: 'failed', said: error.message }
  } finally {
    cleanUp(n)
    if (session?.gateway) {
      await Promise.race([settle(session.gateway.ask('end')), sleep(KILL_MS), session.gateway.exited])
      session.gateway.child.kill('SIGKILL')
    } else session?.child?.kill('SIGKILL')
    await sleep(100)
    if (session) await command('sweep', '--root', session.root)
  }
}

prepareBundle()
{
  const { findings, root } = JSON.parse((await command('doctor', '--json')).text)
  ROOTS.root = root
  ROOTS.told = (findings.find(({ id }) => id === 'others')?.why ?? '').replace(/^[^:]*: /, '').split('; ')
}
const isTried = ([program, { told }]) =>
  program.includes(part) && (!logins || String(told).includes('logind'))
// corral run gives no login marks
const ways = Object.keys(WAYS).filter((way) => way !== 'run' || !options?.loginMark)
for (const [program, { prepare }] of Object.entries(PROGRAMS).filter(isTried)) {
  await prepare?.()
  for (const way of ways)
    for (const ending of Object.keys(ENDINGS)) {
      const found = await cell(program, way, ending)
      console.log(JSON.stringify({ gateway: who, program, way, ending, ...found }))
    }
}
process.exit(0)
