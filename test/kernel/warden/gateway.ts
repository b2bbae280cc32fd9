// A gateway in a process of its own, that ends in some way.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Pen } from '../../support/pen.js'

const fixture = new URL('fixtures/gateway.mjs', import.meta.url).pathname

/** With two sessions. */
export async function gateway(pen: Pen, ending: string, env: NodeJS.ProcessEnv = {}) {
  const child = fork(fixture, [pen.path, ending], { env: { ...process.env, ...env }, silent: true })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [told] = (await once(child, 'message')) as [{ open?: string; error?: string; logged?: string[] }]
  return { child, told, exited: once(child, 'exit') }
}
