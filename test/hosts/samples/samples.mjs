// samples.mjs [NAME…]: runs the samples of README.md and docs/guide.md as they are printed, and docs/example.mjs, on the host that this is.
// They are the code blocks marked as such ("```js run=NAME"), and run in a new project in which `corral` is installed, and the demo's agent
// by the name of the one that they start: without network. A line for each; status 1 where one failed, or has left a process.
import { strictEqual as equal, match, ok } from 'node:assert'
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually, SLOWNESS } from '../../support/eventually.js'

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGES = ['README.md', 'docs/guide.md']
const AGENT = '@agentclientprotocol/claude-agent-acp'
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: 1, clientCapabilities: {} },
}
const WITHIN_MS = 120_000
const MARK = randomUUID()

// ---- the project ----

const project = mkdtempSync(join(tmpdir(), 'corral-samples-'))

/** An executable file. */
function program(name, lines) {
  writeFileSync(join(project, name), `${lines.join('\n')}\n`)
  chmodSync(join(project, name), 0o755)
}

/** A package of npm's that is installed there, with a command. */
function install(name, command, file) {
  const bin = join(project, 'node_modules/.bin')
  mkdirSync(bin, { recursive: true })
  symlinkSync(`../${name}/${file}`, join(bin, command))
}

function makeProject() {
  for (const directory of ['bin', `node_modules/${AGENT}`])
    mkdirSync(join(project, directory), { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "name": "gateway", "private": true, "type": "module" }')
  symlinkSync(CHECKOUT, join(project, 'node_modules/corral'))
  install('corral', 'corral', 'dist/cli/launch.js')
  symlinkSync(
    join(CHECKOUT, 'node_modules/@agentclientprotocol/sdk'),
    join(project, 'node_modules/@agentclientprotocol/sdk'),
  )
  const bin = { 'claude-agent-acp': 'agent.mjs' }
  writeFileSync(
    join(project, `node_modules/${AGENT}/package.json`),
    JSON.stringify({ name: AGENT, version: '1.0.0', bin }),
  )
  program(`node_modules/${AGENT}/agent.mjs`, [
    '#!/usr/bin/env node',
    `import ${JSON.stringify(join(CHECKOUT, 'bench/demo/stand-in-agent.mjs'))}`,
  ])
  install(AGENT, 'claude-agent-acp', 'agent.mjs')
  program('bin/gemini', ['#!/bin/sh', 'exit 0']) // what `corral shim gemini` stands for
  const npm = process.env.CORRAL_TEST_NPM // where there is a Node alone
  for (const name of npm ? ['npm', 'npx'] : [])
    program(`bin/${name}`, ['#!/bin/sh', `exec node ${npm}/bin/${name}-cli.js "$@"`])
}

const bins = ['bin', 'node_modules/.bin'].map((directory) => join(project, directory))
const surroundings = {
  cwd: project,
  env: {
    ...process.env,
    HOME: project,
    PATH: [...bins, process.env.PATH].join(delimiter),
    CORRAL_SAMPLES: MARK,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  },
}

/** What it says; it has to end with status 0. */
async function said(command, ...args) {
  const options = { ...surroundings, timeout: WITHIN_MS * SLOWNESS }
  const { stdout } = await promisify(execFile)(command, args, options)
  return stdout
}

/** What `corral doctor` says, which is status 1 where something is lacking here. */
async function saidByDoctor(line) {
  const child = spawn('sh', ['-c', line], { ...surroundings, stdio: ['ignore', 'pipe', 'inherit'] })
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')])
  equal(status, /\bFAIL\b/.test(stdout) ? 1 : 0, stdout)
  match(stdout, /^root /m)
}

/** What a module says that is these lines. */
async function saidByModule(name, ...lines) {
  writeFileSync(join(project, name), lines.join('\n'))
  return said(process.execPath, name)
}

/** A command line under way whose standard input and output are an ACP connection; resolves when the agent has answered. */
async function agent(line) {
  const child = spawn('sh', ['-c', line], { ...surroundings, stdio: ['pipe', 'pipe', 'inherit'] })
  const over = once(child, 'close')
  let heard = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    heard += chunk
  })
  child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`)
  await eventually(`an answer to: ${line}`, () => heard.includes('"result"') || child.exitCode !== null, {
    withinMs: WITHIN_MS,
  })
  match(heard, /"result"/, `${line}: no answer`)
  return { child, over }
}

/** A command line in a terminal, up to when it shows that; then q is pressed. */
async function inTerminal(line, shown) {
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    ...surroundings,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const over = once(child, 'close')
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    screen += chunk
  })
  await eventually(`${line} shows ${shown}`, () => screen.includes(shown) || child.exitCode !== null, {
    withinMs: WITHIN_MS,
  })
  child.stdin.end('q')
  const [status] = await over
  equal(status, 0, `${line}: ${screen}`)
  match(screen, new RegExp(shown))
}

// ---- the samples ----

/** The commands of a block, without its comments. */
const commandsOf = (code) =>
  code
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')

/** The calls that a table of the guide names, first column aside. */
const callsOf = (page) =>
  [...page.matchAll(/^\| (?!when).*? \| .*?`(?:await )?((?:session|corral)\.[^`]+)`.*\|$/gm)].map(
    ([, call]) => call,
  )

let underWay

const SAMPLES = {
  /** Its last command: what the others install is here. */
  async demo(code) {
    const command = code.trim().split(' && ').at(-1)
    match(await said('sh', '-c', `cd ${CHECKOUT} && ${command}`), /^PASS: /m)
  },
  /** It prints what the comments say. */
  async library(code) {
    const lines = (await saidByModule('library.mjs', code)).trimEnd().split('\n')
    ok(lines.length > 1)
    for (const line of lines) ok(code.includes(`// ${line}\n`), `it printed: ${line}`)
  },
  /** Its last line: what it installs is there. */
  async first(code) {
    const { child, over } = await agent(commandsOf(code).at(-1))
    child.stdin.end()
    equal((await over)[0], 0)
  },
  async commands(code) {
    const [run = '', ...others] = commandsOf(code)
    const first = await agent(run)
    first.child.stdin.end()
    equal((await first.over)[0], 0)
    const { over } = await agent(run.replace(' -- ', ' --session KEY -- '))
    for (const line of others) {
      if (line === 'corral top') await inTerminal(line, 'KEY')
      else if (line.startsWith('corral set ')) await limited(line)
      else if (line === 'corral doctor') await saidByDoctor(line)
      else await said('sh', '-c', line.replace('…', ''))
    }
    await over
  },
  async doctor(code) {
    for (const line of commandsOf(code)) await saidByDoctor(line)
  },
  async run(code) {
    const [line = ''] = commandsOf(code)
    underWay = await agent(line)
  },
  async watch(code) {
    const [top = '', ...others] = commandsOf(code)
    await inTerminal(top, 'demo')
    for (const line of others) await said('sh', '-c', line)
    await underWay.over
  },
  async gateway(code, page) {
    const calls = callsOf(page)
    const last = calls.pop()
    equal(last, 'corral.close()')
    ok(calls.length > 2)
    const talk = [
      `session.process.stdin.write(${JSON.stringify(`${JSON.stringify(INITIALIZE)}\n`)})`,
      "console.log((await session.process.stdout.take(1).toArray()).join('').includes('result'))",
    ]
    equal(
      await saidByModule(
        'gateway.mjs',
        code,
        ...talk,
        `await Promise.all([${calls.join()}])`,
        `await ${last}`,
      ),
      'true\n',
    )
  },
}

/** What nothing here can hold, or hold from outside, is refused. */
async function limited(line) {
  const child = spawn('sh', ['-c', line], { ...surroundings, stdio: ['ignore', 'ignore', 'pipe'] })
  const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (status !== 0) match(stderr, /nothing here can enforce memoryMax|is held without cgroups/)
}

async function example() {
  const stdout = await said(process.execPath, join(CHECKOUT, 'docs/example.mjs'), 'npx', '-y', AGENT)
  match(stdout, /the group is gone/)
}

const samplesOf = (file) => {
  const page = readFileSync(join(CHECKOUT, file), 'utf8')
  const blocks = [...page.matchAll(/^```\w+ run=(\w+)\n(.*?)^```$/gms)]
  return blocks.map(([, name, code]) => ({ file, name, run: () => SAMPLES[name](code, page) }))
}

/** The processes that have our mark. */
function left() {
  const bears = (pid) => {
    try {
      return Number(pid) !== process.pid && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(MARK)
    } catch {
      return false // it is over, or another user's, which ours cannot be
    }
  }
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && bears(name))
}

const wanted = process.argv.slice(2)
const all = [...PAGES.flatMap(samplesOf), { file: 'docs/example.mjs', name: 'example', run: example }]
const names = all.map(({ name }) => name).sort()
equal(
  names.join(),
  [...Object.keys(SAMPLES), 'example'].sort().join(),
  'the pages mark other samples than are known here',
)
for (const name of wanted) ok(names.includes(name), `there is no sample named ${name}`)
makeProject()
try {
  for (const { file, name, run } of all.filter(
    (sample) => wanted.length === 0 || wanted.includes(sample.name),
  )) {
    try {
      await run()
      console.log(`ok      ${file}: ${name}`)
    } catch (error) {
      console.log(`failed  ${file}: ${name}\n${error.message}\n${error.stderr ?? ''}`)
      process.exitCode = 1
    }
  }
  await eventually('nothing of the samples is left', () => left().length === 0, { withinMs: WITHIN_MS })
} finally {
  for (const pid of left()) process.kill(Number(pid), 'SIGKILL')
  rmSync(project, { recursive: true, force: true })
}
