// Who may say what a contained agent of acpx becomes, and who may ask: nobody but the gateway and the child that acpx told it of.
// Each attack is shown to be armed by somebody who does not check.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { loadNative } from '../../src/native/addon.js'
import { PROTOCOL } from '../../src/native/protocol.js'
import { compiled } from '../support/compile-payload.js'
import { eventually, SLOWNESS } from '../support/eventually.js'
import { line } from '../support/line.js'

const STRANGER = 1234
const OVERFLOW_UID = 65534
const own = process.geteuid?.() ?? -1
const ADMISSION = /^(\d+):(\/.*)$/

beforeEach(({ skip }) => skip(own !== 0, 'only root can become another user'))

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A place for temporary files, as /tmp is. */
function makePlace(): string {
  const place = mkdtempSync(join(tmpdir(), 'peers-'))
  chmodSync(place, 0o1777)
  onTestFinished(() => rmSync(place, { recursive: true, force: true }))
  return place
}

function started(command: string, args: string[], ipc = false): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', ipc ? 'ipc' : 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Somebody else at the socket: payloads/acpx-peer.c. */
async function stranger(uid: number, mode: string, directory: string, text = ''): Promise<ChildProcess> {
  return started(await compiled(here('payloads/acpx-peer.c')), [String(uid), mode, directory, text])
}

async function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (!child.stdout) throw new Error('it has no stdout')
  return line(child.stdout, pattern)
}

/** What one hears who asks there without looking who answers. */
const naive = async (uid: number, directory: string) => said(await stranger(uid, 'ask', directory), /./)

class Gateway {
  readonly place: string
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #orders = 0
  directory = ''
  uid = -1

  private constructor(place: string, wrapper: string[]) {
    this.place = place
    const [command = '', ...args] = [...wrapper, process.execPath, here('fixtures/acpx-gateway.mjs')]
    this.#process = spawn(command, args, {
      env: { ...process.env, TMPDIR: place },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    onTestFinished(() => void this.#process.kill('SIGKILL'))
    this.#process.on('message', ({ id, value, error }: { id: number; value: unknown; error?: string }) => {
      const waiting = this.#waiting.get(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    })
  }

  static async open(wrapper: string[] = [], place = makePlace()): Promise<Gateway> {
    const gateway = new Gateway(place, wrapper)
    const { name, uid } = (await gateway.#answer(0)) as { name: string; uid: number }
    gateway.directory = ADMISSION.exec(name)?.[2] ?? ''
    gateway.uid = uid
    return gateway
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  order(order: string, argument?: unknown): Promise<unknown> {
    const id = ++this.#orders
    this.#process.send({ id, order, argument })
    return this.#answer(id)
  }

  /** An agent that has yet to ask. */
  async start(): Promise<Agent> {
    const name = join(this.place, `agent-${++this.#orders}`)
    const [go, log] = [`${name}.go`, `${name}.log`]
    const pid = (await this.order('start', { go, log, words: ['true'] })) as number
    return new Agent(this, pid, go, log)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await eventually('the gateway is dead', () => this.#process.signalCode !== null)
  }
}

class Agent {
  readonly #gateway: Gateway
  readonly pid: number
  readonly #go: string
  readonly #log: string
  readonly admitted: string

  constructor(gateway: Gateway, pid: number, go: string, log: string) {
    this.#gateway = gateway
    this.pid = pid
    this.#go = go
    this.#log = log
    this.admitted = `${log}.admitted`
  }

  go(): void {
    writeFileSync(this.#go, '')
  }

  admit(more: { protocol?: number } = {}): Promise<unknown> {
    return this.#gateway.order('admit', {
      pid: this.pid,
      line: { command: '/bin/sh', args: ['-c', `echo > '${this.admitted}'`], ...more },
    })
  }

  exit(): Promise<unknown> {
    return this.#gateway.order('exit', this.pid)
  }

  get log(): string {
    return readFileSync(this.#log, 'utf8')
  }

  get lives(): boolean {
    return existsSync(`/proc/${this.pid}`)
  }
}

/** What an attacker would have the agent be. */
function trap(place: string): { proof: string; text: string } {
  const proof = join(place, 'proof')
  return { proof, text: JSON.stringify({ command: '/bin/sh', args: ['-c', `id > '${proof}'`] }) }
}

test('an agent becomes what it is told to be, told before or after it asks', async () => {
  const gateway = await Gateway.open()
  const [early, late] = [await gateway.start(), await gateway.start()]
  await early.admit()
  early.go()
  expect(await early.exit()).toBe(0)
  late.go()
  await late.admit()
  expect(await late.exit()).toBe(0)
  expect([early, late].map(({ admitted }) => existsSync(admitted))).toEqual([true, true])
  await gateway.order('close')
  expect(existsSync(gateway.directory)).toBe(false)
})

test('an agent becomes nothing where its gateway is of a version that it does not know', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  await agent.admit({ protocol: PROTOCOL + 1 })
  agent.go()
  expect(await agent.exit()).toBe(1)
  expect(agent.log).toContain(`speaks protocol ${PROTOCOL + 1}, and this corral speaks ${PROTOCOL}: `)
  expect(existsSync(agent.admitted)).toBe(false)
})

test('who takes the name of a gateway that was killed decides nothing', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  const { proof, text } = trap(gateway.place)
  const squatter = await stranger(STRANGER, 'squat', gateway.directory, text)
  await gateway.kill()
  rmSync(gateway.directory, { recursive: true }) // as a cleaner of temporary files may: until then the name is still taken
  await said(squatter, /took it/)
  expect(await naive(own, gateway.directory)).toBe(`uid ${STRANGER} told '${text}'`)
  agent.go()
  await eventually('the agent has given up', () => !agent.lives)
  expect(agent.log).toMatch(
    /^corral: admit: the gateway \(pid \d+\) that started this has ended\. Nothing was started\n$/,
  )
  expect(existsSync(proof)).toBe(false)
})

test('who takes the name of a containment that was closed decides nothing', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  const { proof, text } = trap(gateway.place)
  const squatter = await stranger(STRANGER, 'squat', gateway.directory, text)
  await gateway.order('close')
  await said(squatter, /took it/)
  expect(await naive(own, gateway.directory)).toBe(`uid ${STRANGER} told '${text}'`)
  agent.go()
  expect(await agent.exit()).toBe(1)
  expect(agent.log).toMatch(/is not private to the gateway \(pid \d+\), so nothing in it was trusted/)
  expect(existsSync(proof)).toBe(false)
})

test('nor does another process of the same user, in a directory that looks the same', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  const { proof, text } = trap(gateway.place)
  await gateway.order('close')
  mkdirSync(gateway.directory, { mode: 0o700 })
  await said(await stranger(own, 'listen', gateway.directory, text), /took it/)
  expect(await naive(own, gateway.directory)).toBe(`uid ${own} told '${text}'`)
  agent.go()
  expect(await agent.exit()).toBe(1)
  expect(agent.log).toMatch(/nothing in it was trusted/)
  expect(existsSync(proof)).toBe(false)
})

test('a place that somebody else has, or can enter, is none to listen in', () => {
  const place = makePlace()
  const [shared, linked] = [join(place, 'shared'), join(place, 'linked')]
  mkdirSync(shared, { mode: 0o755 })
  symlinkSync(shared, linked)
  expect(() => loadNative().openAdmission(shared)).toThrow('Operation not permitted')
  chmodSync(shared, 0o700)
  expect(() => loadNative().openAdmission(linked)).toThrow('Not a directory')
  const admission = loadNative().openAdmission(shared)
  loadNative().closeAdmission(admission)
})

test('a place that was squatted before is passed over', async () => {
  const gateway = await Gateway.open()
  const { text } = trap(gateway.place)
  const squatted = join(gateway.place, 'squatted')
  await said(await stranger(STRANGER, 'squat', squatted, text), /took it/)
  expect(() => loadNative().openAdmission(squatted)).toThrow('Operation not permitted')
  expect(() => loadNative().askAdmission(squatted, process.ppid)).toThrow('Operation not permitted')
  expect(await naive(own, squatted)).toBe(`uid ${STRANGER} told '${text}'`)
})

test('another user reaches nobody, and is hung up on where the directory lets it through', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  await agent.admit()
  expect(await naive(STRANGER, gateway.directory)).toBe('connect: Permission denied')
  chmodSync(gateway.directory, 0o711)
  chmodSync(join(gateway.directory, 'admission'), 0o777)
  expect(await naive(STRANGER, gateway.directory)).toBe("uid 0 told ''")
})

test('a process of the same user that is not the agent is told nothing, whatever pid it claims', async () => {
  const gateway = await Gateway.open()
  const agent = await gateway.start()
  await agent.admit()
  for (let attempt = 0; attempt < 5; attempt++)
    expect(await naive(own, gateway.directory)).toBe(`uid ${own} told ''`)
  agent.go()
  expect(await agent.exit()).toBe(0)
  expect(existsSync(agent.admitted)).toBe(true)
})

test('a flood of connections costs no descriptor, and an agent gets in meanwhile', {
  timeout: 120_000 * SLOWNESS,
}, async () => {
  const gateway = await Gateway.open()
  const before = (await gateway.order('descriptors')) as number
  await said(await stranger(own, 'hold', gateway.directory), /^holding 1000$/)
  const flooders = await Promise.all([1, 2, 3].map(() => stranger(own, 'flood', gateway.directory)))
  await Promise.all(flooders.map((flooder) => said(flooder, /flooding/)))
  for (let round = 0; round < 5; round++) {
    const agent = await gateway.start()
    agent.go()
    await agent.admit()
    expect(await agent.exit()).toBe(0)
    // One that was just accepted, and its pidfd
    expect(await gateway.order('descriptors')).toBeLessThanOrEqual(before + 2)
  }
  expect(flooders.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null, null])
})

// In there we are the uid as which all others are seen
const UNMAPPED = ['unshare', '--user', `--map-user=${OVERFLOW_UID}`]

test('where another user has our uid by its looks, its pid tells it from us', {
  timeout: 60_000 * SLOWNESS,
}, async ({ skip }) => {
  const [unshare = '', ...options] = UNMAPPED
  skip(spawnSync(unshare, [...options, 'true']).status !== 0, 'no user namespace can be made here')
  const gateway = await Gateway.open(UNMAPPED)
  expect(gateway.uid).toBe(OVERFLOW_UID)
  const [agent, other] = [await gateway.start(), await gateway.start()]
  await agent.admit()
  chmodSync(gateway.directory, 0o711)
  chmodSync(join(gateway.directory, 'admission'), 0o777)
  expect(await naive(STRANGER, gateway.directory)).toBe("uid 0 told ''")
  chmodSync(gateway.directory, 0o700)
  agent.go()
  expect(await agent.exit()).toBe(0)

  const { proof, text } = trap(gateway.place)
  const squatter = await stranger(STRANGER, 'flip', gateway.directory, text)
  await gateway.order('close')
  await said(squatter, /took it/)
  const believer = async () => {
    const payload = await compiled(here('payloads/acpx-peer.c'))
    const [command = '', ...args] = [...UNMAPPED, payload, String(OVERFLOW_UID), 'ask', gateway.directory]
    return (await said(started(command, args), /./)) === `uid ${OVERFLOW_UID} told '${text}'`
  }
  await eventually('who believes a uid is told what to become', believer)
  other.go()
  expect(await other.exit()).toBe(1)
  expect(existsSync(proof)).toBe(false)
})

test('what killed gateways left is removed by the next one, and nothing else is', async () => {
  const place = makePlace()
  const [dead, live] = [await Gateway.open([], place), await Gateway.open([], place)]
  await dead.kill()
  const [left, foreign, other] = ['acpx-left', 'acpx-foreign', 'other'].map((name) =>
    join(place, `corral-${name}`),
  ) as [string, string, string]
  mkdirSync(left, { mode: 0o700 })
  mkdirSync(other, { mode: 0o700 })
  await said(await stranger(STRANGER, 'squat', foreign), /took it/)
  await Gateway.open([], place)
  await eventually('they are removed', () => ![dead.directory, left].some(existsSync))
  expect([live.directory, foreign, other].map(existsSync)).toEqual([true, true, true])
})

test('the place may have a long path, or not exist', async () => {
  const long = join(makePlace(), 'long'.repeat(50))
  mkdirSync(long)
  const gateway = await Gateway.open([], long)
  expect(gateway.directory.length).toBeGreaterThan(200)
  const agent = await gateway.start()
  agent.go()
  await agent.admit()
  expect(await agent.exit()).toBe(0)
  const absent = await Gateway.open([], join(makePlace(), 'absent'))
  expect(absent.directory).toMatch(/^\/tmp\/corral-acpx-/)
  await absent.order('close')
})
