// `corral metrics` shows the sessions of all processes to Prometheus.
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import { expectFit } from '../support/hostile-text.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { corral, LIVING, orphan, refused, running, start } from './command-line.js'

const cat = { command: 'cat', mode: 'persistent' } as const

async function printed(pen: Pen): Promise<string[]> {
  const { status, stdout, stderr } = await corral(['metrics', '--root', pen.path])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.endsWith('\n') && !stdout.includes('\n\n')).toBe(true)
  return stdout.trimEnd().split('\n')
}

const ofName = (lines: string[], name: string) =>
  lines.filter((one) => one.startsWith(`${name}{`)).map((one) => one.slice(name.length))

describe('corral metrics', () => {
  test('prints the sessions of all instances, those of another process and of a dead one too', async ({
    pen,
  }) => {
    const owner = await openInPen(pen)
    await owner.spawn({ ...cat, key: 'same' })
    await owner.spawn({ ...cat, key: 'child', parentKey: 'same' })
    await running(pen, ['--session', 'same'], LIVING)
    await orphan(await running(pen, ['--session', 'lost'], 'echo ready; exec sleep 1000'), pen)
    const lines = await printed(pen)
    expect(ofName(lines, 'corral_instances')).toEqual(['{state="live"} 2', '{state="dead"} 1'])
    expect(ofName(lines, 'corral_sessions')).toHaveLength(6)
    expect(ofName(lines, 'corral_sessions')).toEqual(
      expect.arrayContaining([
        `{corral_instance="${owner.id}",mode="oneshot"} 0`,
        `{corral_instance="${owner.id}",mode="persistent"} 2`,
      ]),
    )
    const processes = ofName(lines, 'corral_session_processes')
    expect(processes).toHaveLength(4)
    expect(processes).toEqual(
      expect.arrayContaining([
        `{corral_instance="${owner.id}",session="same"} 1`,
        `{corral_instance="${owner.id}",session="child"} 1`,
        expect.stringMatching(/session="lost"\} 1$/),
      ]),
    )
    expect(ofName(lines, 'corral_session_cpu_seconds_total')).toHaveLength(4)
    expect(lines).toContain('# TYPE corral_session_cpu_seconds_total counter')
    expect(lines).toContain('# TYPE corral_session_processes gauge')
  })

  test('prints that there is none', async ({ pen }) => {
    const lines = await printed(pen)
    expect(lines.filter((one) => !one.startsWith('#'))).toEqual([
      'corral_instances{state="live"} 0',
      'corral_instances{state="dead"} 0',
    ])
  })

  test('tells no series twice, and writes no controls to a terminal', async ({ pen }) => {
    const owner = await openInPen(pen)
    const { receipt } = await owner.spawn({ ...cat, key: 'red\u001b[2J\n"\\' })
    // As only a payload would make it
    mkdirSync(join(pen.path, 'corral', owner.id, 'sessions/hostile/red%1B%5B2J%0A%22%5C/agent'), {
      recursive: true,
    })
    const lines = await printed(pen)
    const processes = ofName(lines, 'corral_session_processes')
    expect(receipt.path).toContain('red%1B%5B2J%0A%22%5C')
    expect(processes).toHaveLength(2)
    expect(processes.filter((one) => one.includes('session="red\\\\u001b[2J\\\\n\\"\\\\"}'))).toHaveLength(1)
    expect(processes.filter((one) => one.includes(`session="${pen.path}/`))).toHaveLength(1)
    expect(lines.join('')).not.toMatch(/\p{Cc}/u)
  })

  test('ends with 1 where there is no such root', async () => {
    const { status, stdout, stderr } = await corral(['metrics', '--root', '/nowhere'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^corral: .*\/nowhere: it does not exist/)
  })
})

/** Starts one that serves, and tells where. */
async function serving(pen: Pen, address: string, ...options: string[]) {
  const child = start(['metrics', '--root', pen.path, '--listen', address, ...options])
  const exited = once(child, 'exit')
  const where = (await line(child.stdout, /^serving /)).replace('serving ', '')
  return { child, exited, where }
}

describe('corral metrics --listen', () => {
  test('serves them as they are at each request, at 127.0.0.1 unless it is told another host', async ({
    pen,
  }) => {
    const owner = await openInPen(pen)
    const { where } = await serving(pen, '0')
    expect(where).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    const session = await owner.spawn({ ...cat, key: 'here' })
    const first = await fetch(where)
    expect([first.status, first.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(await first.text()).toContain('session="here"')
    await session.close({ graceMs: 0 })
    expect(await (await fetch(`${where}?x=1`)).text()).not.toContain('session="here"')
    expect((await fetch(new URL('/', where))).status).toBe(404)
    expect((await fetch(where, { method: 'POST' })).status).toBe(405)
    const head = await fetch(where, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  /** What a request with this Host header is answered: its status and the text. `null`: without one. */
  async function askedBy(where: string, host: string | null): Promise<[status: number, text: string]> {
    const { port, hostname } = new URL(where)
    const socket = connect({ port: Number(port), host: hostname.replace(/^\[|\]$/g, '') })
    socket.end(`GET /metrics HTTP/1.0\r\n${host === null ? '' : `Host: ${host}\r\n`}\r\n`)
    const answer = await text(socket)
    return [Number(answer.split(' ')[1]), answer.slice(answer.indexOf('\r\n\r\n') + 4)]
  }

  const LOOPBACK_NAMES = [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost:80',
    '127.0.0.1',
    '127.0.0.1:9464',
    '[::1]',
    '[::1]:1',
  ]
  const REBOUND = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:9464',
    '0x7f.1',
    '2130706433',
    '::1',
    '[::1',
    '[::1]x',
    'localhost:x',
    '',
    ' ',
    'evil\x9b2J',
  ]

  test('at a loopback address answers to its names and to no other (DNS rebinding)', async ({ pen }) => {
    for (const at of ['0', '127.0.0.1:0', '[::1]:0', 'localhost:0']) {
      const { where } = await serving(pen, at)
      for (const host of LOOPBACK_NAMES) expect([host, (await askedBy(where, host))[0]]).toEqual([host, 200])
      for (const host of [...REBOUND, hostname(), '192.0.2.1', '[2001:db8::1]', null]) {
        const [status, said] = await askedBy(where, host)
        expect([host, status]).toEqual([host, 421])
        expect(said).toMatch(
          /^(?:Unknown host '|The request has no Host header).*: ask by localhost, 127\.0\.0\.1, \[::1\]\n$/,
        )
        expectFit(said)
      }
    }
  })

  test('elsewhere answers to addresses, the name of the host and those that it is told', async ({ pen }) => {
    const { where } = await serving(
      pen,
      '0.0.0.0:0',
      '--allow-host',
      'Metrics.Example.org',
      '--allow-host',
      'other',
    )
    const local = where.replace('0.0.0.0', '127.0.0.1')
    const fine = [
      '127.0.0.1',
      '192.0.2.1:9',
      '[2001:db8::1]:9',
      hostname(),
      hostname().toUpperCase(),
      'metrics.example.org:80',
      'other',
      'localhost',
    ]
    for (const host of fine) expect([host, (await askedBy(local, host))[0]]).toEqual([host, 200])
    for (const host of [...REBOUND, 'example.org', `x${hostname()}`])
      expect([host, (await askedBy(local, host))[0]]).toEqual([host, 421])
  })

  test.for([
    ['http://metrics', ['--listen', '0']],
    ['metrics:80', ['--listen', '0']],
    ['', ['--listen', '0']],
    ['a b', ['--listen', '0']],
    ['::1', ['--listen', '0']],
    ['metrics', ['--listen', '0']], // on loopback, where no other name is answered
    ['metrics', ['--listen', '[::1]:0']],
    ['metrics', ['--listen', 'localhost:0']],
    ['metrics', []],
    ['metrics', ['--listen', '/nowhere/socket']],
  ] as const)('refuses --allow-host %o with %o', async ([name, options], { pen }) => {
    const { status, stderr } = await refused([
      'metrics',
      '--root',
      pen.path,
      ...options,
      `--allow-host=${name}`,
    ])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^corral: (?:Invalid )?--allow-host/)
  })

  test.for([
    ['SIGTERM', 'localhost:0'],
    ['SIGINT', '0'],
  ] as const)('ends with 0 on %s, also with open connections', async ([signal, address], { pen }) => {
    const { child, exited, where } = await serving(pen, address)
    await (await fetch(where)).text() // which keeps its connection
    child.kill(signal)
    expect(await exited).toEqual([0, null])
  })

  test('serves at a UNIX socket, which goes with it', async ({ pen }) => {
    const directory = mkdtempSync(join(tmpdir(), 'corral-metrics-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const socketPath = join(directory, 'socket')
    const { child, exited, where } = await serving(pen, socketPath)
    expect(where).toBe(`unix:${socketPath}`)
    const asked = request({ socketPath, path: '/metrics' }).end()
    const [response] = await once(asked, 'response')
    expect(await text(response)).toContain('corral_instances{state="live"} 0')
    const second = await corral(['metrics', '--root', pen.path, '--listen', socketPath])
    expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining('EADDRINUSE') })
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(existsSync(socketPath)).toBe(false)
  })

  test('says that a port is taken', async ({ pen }) => {
    const taken = createServer((socket: Socket) => socket.destroy()).listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { status, stderr } = await corral(['metrics', '--root', pen.path, '--listen', `${port}`])
    expect(status).toBe(1)
    expect(stderr).toMatch(
      new RegExp(
        `^corral: cannot listen at http://127\\.0\\.0\\.1:${port}/metrics: .*EADDRINUSE.* another address`,
      ),
    )
  })

  test('says that a host cannot be listened on', async ({ pen }) => {
    const { status, stderr } = await corral(['metrics', '--root', pen.path, '--listen', '192.0.2.1:0'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^corral: cannot listen at http:\/\/192\.0\.2\.1:0\/metrics: .*EADDRNOTAVAIL/)
  })

  test.for(['', 'x', '65536', '-1', '1.5', 'a:b:1', ':1', '::1:80', '[::1]', 'host:', 'h h:1', '0x10'])(
    'refuses %o, which is no address',
    async (address, { pen }) => {
      const { status, stdout, stderr } = await refused(['metrics', '--root', pen.path, `--listen=${address}`])
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^corral: Invalid --listen: expected an address, got .*\. Use a port, HOST:PORT/)
    },
  )
})
