// Node's channel between parent and child (`'ipc'` in stdio, fork()), with Corral between the two.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { openCorral } from '../../src/index.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
const CHILD = at('ipc-child.mjs')
const WAYS = ['cgroup', 'subreaper'] as const
type Way = (typeof WAYS)[number]

const run = (way: Way, pen: Pen) => ['run', ...(way === 'cgroup' ? ['--root', pen.path] : ['--backend', way])]
const open = async (way: Way | 'passthrough', pen: Pen) => {
  const corral = await openCorral(way === 'cgroup' ? { root: pen.path } : { backend: way })
  onTestFinished(async () => void (await corral.close()))
  return corral
}

async function connection(): Promise<Socket> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** What comes back of a message and of a handle, and how the child ends with the channel. */
async function exchanged(child: ChildProcess): Promise<unknown[]> {
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: unknown[] = []
  for (const handle of [undefined, await connection()]) {
    child.send({ a: new Map([[1n, 2]]) }, handle)
    told.push((await once(child, 'message'))[0])
  }
  child.disconnect()
  told.push(await once(child, 'exit'))
  return told
}

// Messages that JSON cannot say: how they are written is told to the child by a variable, too
const serialization = 'advanced'

describe('messages and handles are exchanged', () => {
  const message = { a: new Map([[1n, 2]]) }
  const all = [{ message, handle: undefined }, { message, handle: 'Socket' }, [3, null]]

  test('with the command alone', async () => {
    expect(await exchanged(fork(CHILD, { serialization }))).toEqual(all)
  })

  test.for(WAYS)('with `corral run` before it, held by %s', async (way, { pen }) => {
    const execArgv = [...run(way, pen), '--', process.execPath]
    expect(await exchanged(fork(CHILD, { serialization, execPath: LAUNCHER, execArgv }))).toEqual(all)
  })

  test.for(WAYS)('with a command of corral.wrap(), held by %s', async (way, { pen }) => {
    const corral = await open(way, pen)
    const { command, args } = await corral.wrap(process.execPath, [CHILD])
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization })
    expect(await exchanged(child)).toEqual(all)
  })
})

// A row of docs/cli.md
test.for([...WAYS, 'passthrough'] as const)(
  'corral.spawn() has no such channel, and says what to use, held by %s',
  async (way, { pen }) => {
    const corral = await open(way, pen)
    const refused = corral.spawn({ command: 'true', stdio: ['ignore', 'ignore', 'ignore', 'ipc' as never] })
    await expect(refused).rejects.toMatchObject({
      code: 'CORRAL_INVALID_ARGUMENT',
      hint: 'Use what corral.wrap() returns with child_process.spawn(), or talk to the process over its stdio',
    })
  },
)
