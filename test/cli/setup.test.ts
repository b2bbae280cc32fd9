// corral setup: what it changes in a host's configuration, and what it leaves.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test as plain } from 'vitest'
import { CLI, corral, refused } from './command-line.js'

const test = plain.extend<{ home: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from here which fixtures a fixture wants
  home: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'corral-setup-'))
    await use(home)
    rmSync(home, { recursive: true })
  },
})

const RUN = [process.execPath, CLI, 'run']
const AGENT = ['npx', '-y', '@agentclientprotocol/claude-agent-acp']

const environment = (home: string) => ({ HOME: home, XDG_DATA_HOME: '', PATH: '/usr/bin:/bin' })

async function setup(home: string, ...args: string[]) {
  return corral(['setup', ...args], { env: environment(home) })
}

async function written(home: string, ...args: string[]) {
  const outcome = await setup(home, ...args, '--write')
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  return outcome.stdout
}

/** A configuration of OpenClaw as people write it. */
const OPENCLAW = `// mine
{
  acp: { enabled: true, defaultAgent: 'claude', allowedAgents: ['claude', 'codex', '*'] },
  plugins: {
    entries: {
      acpx: {
        enabled: true, // needed
        config: {
          permissionMode: 'approve-all',
          agents: {
            /* pinned */
            claude: { command: "npx -y @agentclientprotocol/claude-agent-acp@^0.25.0" }, // slow
          },
        },
      },
    },
  },
}
`

describe('corral setup acpx', () => {
  test('prints what it would change and writes nothing', async ({ home }) => {
    const { status, stdout } = await setup(home, 'acpx', 'claude')
    expect(status).toBe(0)
    expect(stdout).toContain('+        "@agentclientprotocol/claude-agent-acp"')
    expect(stdout).toMatch(/Dry run: pass --write to apply\.\n$/)
    expect(readdirSync(home)).toEqual([])
  })

  test('begins a configuration, is done after one time, and takes it back', async ({ home }) => {
    const file = join(home, '.acpx/config.json')
    const flags = ['--session-from-env', 'A,B', '--memory-max', '2G', '--grace', '500']
    await written(home, 'acpx', 'claude', ...flags)
    const argv = [...RUN, ...flags.slice(0, 2), '--grace', '500', '--memory-max', '2G', '--', ...AGENT]
    const text = readFileSync(file, 'utf8')
    expect(JSON.parse(text)).toEqual({ agents: { claude: { argv } } })

    expect(await written(home, 'acpx', 'claude', ...flags)).toBe(`${file} needs no change.\n`)
    expect(readFileSync(file, 'utf8')).toBe(text)

    expect(await setup(home, 'acpx', '--undo')).toMatchObject({ status: 0 })
    expect(readdirSync(join(home, '.acpx'))).toEqual([])
  })

  test('contains what is there in the form that it has, with other options when they are given', async ({
    home,
  }) => {
    const file = join(home, 'acpx.json')
    const agents = {
      one: { argv: ['one', '--acp'] },
      two: { command: 'two "a b"' },
      three: { command: 'three', args: ['x'] },
    }
    writeFileSync(file, JSON.stringify({ ttl: 5, agents }), { mode: 0o640 })
    await written(home, 'acpx', '--file', file, '--pids-max', '9')
    await written(home, 'acpx', '--file', file)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      ttl: 5,
      agents: {
        one: { argv: [...RUN, '--', 'one', '--acp'] },
        two: { command: [...RUN, '--', 'two "a b"'].join(' ') },
        three: { command: RUN[0], args: [...RUN.slice(1), '--', 'three', 'x'] },
      },
    })
    expect(statSync(file).mode & 0o777).toBe(0o640)
  })

  test('gives agents that are known by their name a shim of that name', async ({ home }) => {
    const shim = join(home, '.local/share/corral/shims/gemini')
    expect(await written(home, 'acpx', 'gemini', '--memory-max', '1G')).toContain(`Wrote the shim ${shim}.`)
    const file = join(home, '.acpx/config.json')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ agents: { gemini: { argv: [shim, '--acp'] } } })
    expect(readFileSync(shim, 'utf8')).toContain('run --behind-shims --memory-max 1G -- gemini "$@"')
    expect(await written(home, 'acpx')).toContain('needs no change')
  })

  test.for([
    ['comments', '{ // mine\n "agents": {} }', /Write plain JSON: acpx reads nothing else/],
    ['agents that are a list', '{"agents": []}', /expected agents to be an object/],
    [
      'an agent without a command',
      '{"agents": {"x": {"argv": "x"}}}',
      /agents\.x\.argv: expected a list of strings, got 'x'/,
    ],
    ['an agent that is a string', '{"agents": {"x": "x"}}', /agents\.x: expected a command, got 'x'/],
    ['a quote that does not end', '{"agents": {"x": {"command": "x \\"y"}}}', /expected a closing quote/],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
    ['no agents', '{}', /configures no agents/],
  ] as const)('refuses a configuration with %s and leaves it', async ([, text, message], { home }) => {
    const file = join(home, 'acpx.json')
    writeFileSync(file, text)
    const { status, stderr } = await setup(home, 'acpx', '--file', file, '--write')
    expect(status).toBeGreaterThan(0)
    expect(stderr).toMatch(message)
    expect(stderr).toContain(file)
    expect(readFileSync(file)).toEqual(Buffer.from(text))
    expect(readdirSync(home)).toEqual(['acpx.json'])
  })
})

describe('corral setup openclaw', () => {
  test('changes the commands and keeps every comment', async ({ home }) => {
    const file = join(home, 'openclaw.json')
    writeFileSync(file, OPENCLAW)
    const stdout = await written(home, 'openclaw', '--file', file)
    const prefix = [...RUN, '--'].join(' ')
    const expected = OPENCLAW.replace('"npx -y', `"${prefix} npx -y`).replace(
      '// slow\n',
      `// slow\n            "codex": {\n              "command": "${prefix} npx -y @agentclientprotocol/codex-acp"\n            },\n`,
    )
    expect(readFileSync(file, 'utf8')).toBe(expected)
    expect(stdout).toContain(`-            claude: { command: "npx -y`)

    expect(await setup(home, 'openclaw', '--file', file, '--undo')).toMatchObject({ status: 0 })
    expect(readFileSync(file, 'utf8')).toBe(OPENCLAW)
    expect(readdirSync(home)).toEqual(['openclaw.json'])
  })

  test('does not take back what was changed since, and names the backup', async ({ home }) => {
    const file = join(home, 'openclaw.json')
    writeFileSync(file, OPENCLAW)
    const [backup = ''] = /\/\S+before-corral-\w+/.exec(await written(home, 'openclaw', '--file', file)) ?? []
    expect(readFileSync(backup, 'utf8')).toBe(OPENCLAW)
    const changed = `${readFileSync(file, 'utf8')}// and this\n`
    writeFileSync(file, changed)
    const { status, stderr } = await setup(home, 'openclaw', '--file', file, '--undo')
    expect(status).toBe(1)
    expect(stderr).toContain('openclaw.json.before-corral-')
    expect(readFileSync(file, 'utf8')).toBe(changed)
  })

  test('writes through a link, which stays one', async ({ home }) => {
    const [file, link] = [join(home, 'real.json'), join(home, 'link.json')]
    writeFileSync(file, OPENCLAW)
    symlinkSync(file, link)
    await written(home, 'openclaw', '--file', link)
    expect(readFileSync(file, 'utf8')).not.toBe(OPENCLAW)
    expect(readFileSync(link, 'utf8')).toBe(readFileSync(file, 'utf8'))
    expect(await setup(home, 'openclaw', '--file', link, '--undo')).toMatchObject({ status: 0 })
    expect(readFileSync(file, 'utf8')).toBe(OPENCLAW)
  })

  test('refuses to begin a configuration', async ({ home }) => {
    const { status, stderr } = await setup(home, 'openclaw', 'claude', '--write')
    expect(status).toBe(1)
    expect(stderr).toContain('.openclaw/openclaw.json does not exist')
    expect(readdirSync(home)).toEqual([])
  })
})

test.for([
  ['a host that there is not', ['zed'], "Unknown host 'zed'"],
  ['an agent that nobody knows', ['acpx', 'mine'], "Unknown agent 'mine'"],
  [
    'a backend that is none',
    ['acpx', 'claude', '--backend', 'docker'],
    "Invalid --backend: expected 'auto' or",
  ],
  ['a limit that is none', ['acpx', 'claude', '--memory-max', 'lots'], '--memory-max'],
] as const)('corral setup refuses %s', async ([, args, message], { home }) => {
  const { status, stderr } = await refused(['setup', ...args, '--write'], environment(home))
  expect(status).toBe(2)
  expect(stderr).toContain(message)
  expect(readdirSync(home)).toEqual([])
})

test('corral setup and shim write no path of a cache that npx makes', async ({ home }) => {
  const copy = join(home, '.npm/_npx/0123/node_modules/corral')
  const checkout = fileURLToPath(new URL('../../', import.meta.url))
  for (const part of ['dist', 'package.json'])
    cpSync(join(checkout, part), join(copy, part), { recursive: true })
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
  for (const words of [
    ['setup', 'acpx', 'claude', '--write'],
    ['shim', 'claude'],
  ]) {
    const child = spawnSync(process.execPath, [join(copy, 'dist/cli/main.js'), ...words], {
      env: environment(home),
      encoding: 'utf8',
    })
    expect({ status: child.status, stdout: child.stdout }).toEqual({ status: 2, stdout: '' })
    expect(child.stderr).toMatch(
      /^corral: this corral is a temporary copy in a cache, .*npm install --global corral/,
    )
  }
  expect(readdirSync(home)).toEqual(['.npm'])
})
