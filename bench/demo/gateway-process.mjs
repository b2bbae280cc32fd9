// The demo's end of a gateway: starts gateway.mjs in a room of its own, sends it orders, and can end it as a crash
// would.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// The id of the message that a gateway sends unasked once it is ready.
const READY = 0

// More than all the time limits within one order together.
const ANSWER_MS = 240_000

const GATEWAY = fileURLToPath(new URL('gateway.mjs', import.meta.url))

/**
 * Resolves once the gateway takes orders, which for Corral is after its sweep.
 *
 * @param {{ kind: 'ordinary' | 'contained', entering: import('./places.mjs').Room['entering'], root: string,
 *   log: string, program?: string, words?: string[], env?: Record<string, string> }} options
 *   entering: the command line that puts the gateway in its place; root: the cgroup directory that Corral may build under, or
 *   empty; program: another gateway than the demo's, and words: what it is told besides
 */
export async function startGateway({ kind, entering, root, log, program = GATEWAY, words = [], env }) {
  const { command, args } = entering(process.execPath, [program, kind, root, log, ...words])
  const child = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: env ?? process.env,
  })
  const exited = once(child, 'exit')
  const waiting = new Map()

  function fail(id, why) {
    waiting.get(id)?.reject(new Error(`The ${kind} gateway: ${why}`))
    waiting.delete(id)
  }

  function answer(id) {
    const timer = setTimeout(() => fail(id, `no answer within ${ANSWER_MS} ms`), ANSWER_MS)
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
    }).finally(() => clearTimeout(timer))
  }

  child.on('message', ({ id, value, error }) => {
    if (error !== undefined) return fail(id, error)
    waiting.get(id)?.resolve(value)
    waiting.delete(id)
  })
  child.on('exit', (code, signal) => {
    for (const id of waiting.keys()) fail(id, `ended with ${signal ?? code}`)
  })

  await answer(READY)
  let serial = READY
  return {
    pid: child.pid,
    order(order, argument) {
      const id = ++serial
      child.send({ id, order, argument })
      return answer(id)
    },
    async crash() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
