// A gateway without Corral: agents are child processes, and a session ends with its child. It closes them as
// real hosts do: end of input, 100 ms, SIGTERM to the pid it started, 1.5 s, SIGKILL to that pid.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

export async function openGateway() {
  const sessions = new Map()

  async function close(key) {
    const { child } = sessions.get(key)
    sessions.delete(key)
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : true
    child.stdin.end()
    await Promise.race([exited, delay(100)])
    child.kill('SIGTERM')
    await Promise.race([exited, delay(1500)])
    child.kill('SIGKILL')
    await exited
  }

  return {
    async start({ key, parentKey, command, args, cwd, env, stderr }) {
      const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', stderr] })
      await once(child, 'spawn')
      sessions.set(key, { child, parentKey })
      return child
    },
    close,
    async resetParent(parentKey) {
      const keys = [...sessions].filter(([, session]) => session.parentKey === parentKey).map(([key]) => key)
      await Promise.all(keys.map(close))
    },
  }
}
