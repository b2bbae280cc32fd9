// The places on a machine with systemd in which somebody starts a gateway: how it is started there and stopped.
import { execFile, spawn } from 'node:child_process'
import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { dropInFor } from '../../../src/doctor/drop-in.js'
import { eventually } from '../../support/eventually.js'

const run = promisify(execFile)

export interface Place {
  name: string
  /** Has the command run, without waiting for it. */
  start(command: string[]): Promise<void>
  /** As an administrator stops it. */
  stop(): Promise<void>
  /** Has the manager of that place look at its units again. Rejects when it does not take this one for running. */
  reload(): Promise<void>
  /** As it was before. */
  leave(): Promise<void>
}

export interface Manager {
  /** Of systemctl. */
  options: string[]
  /** Where its unit files are. */
  directory: string
  owner?: number
}

export const SYSTEM: Manager = { options: [], directory: '/run/systemd/system' }

export interface User {
  name: string
  uid: number
}

/** test/vm/tree.sh makes these two; only tester lingers. */
export const TESTER = { name: 'tester', uid: 2000 }
export const VISITOR = { name: 'visitor', uid: 2001 }

export const TESTERS: Manager = {
  options: ['--user', '-M', `${TESTER.name}@`],
  directory: `/home/${TESTER.name}/.config/systemd/user`,
  owner: TESTER.uid,
}

const UNIT = 'corral-row.service'

/** A service: `settings` are lines of its [Service], and with `dropIn` it has what `corral doctor --unit` prints. */
export function service(
  name: string,
  manager: Manager,
  { settings = [] as string[], dropIn = false },
): Place {
  const systemctl = (...words: string[]) => run('systemctl', [...manager.options, ...words])
  const file = join(manager.directory, UNIT)
  const own = (path: string) => (manager.owner ? chown(path, manager.owner, manager.owner) : undefined)
  const put = async (path: string, text: string) => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    await own(path)
  }
  return {
    name,
    async start(command) {
      const lines = [`WorkingDirectory=${process.cwd()}`, ...settings, `ExecStart=${command.join(' ')}`]
      await put(file, ['[Service]', ...lines, ''].join('\n'))
      const { text } = dropInFor(UNIT, { user: manager !== SYSTEM })
      if (dropIn) await put(`${file}.d/override.conf`, `${text}\n`)
      await systemctl('daemon-reload')
      await systemctl('start', UNIT)
    },
    async stop() {
      await systemctl('stop', UNIT)
    },
    async reload() {
      await systemctl('daemon-reload')
      await systemctl('is-active', UNIT)
    },
    async leave() {
      await systemctl('stop', UNIT)
      await rm(file, { force: true })
      await rm(`${file}.d`, { recursive: true, force: true })
      await systemctl('daemon-reload')
      await systemctl('reset-failed', UNIT).catch(() => undefined) // says so where there is nothing to reset
    },
  }
}

/** A login: PAM has the user's processes put into session-N.scope, and starts the user's manager. */
export function login(name: string, user: User): Place {
  // The manager is the last to go
  const isOver = async () => {
    const { stdout } = await run('systemctl', [
      'show',
      '-pActiveState',
      '--value',
      `user@${user.uid}.service`,
    ])
    return stdout.trim() === 'inactive'
  }
  const end = async () => {
    // Refused where the user has just gone by himself
    await run('loginctl', ['terminate-user', user.name]).catch(() => undefined)
    await eventually(`${user.name} is logged out`, isOver, { everyMs: 20 })
  }
  return {
    name,
    async start(command) {
      const words = ['-l', user.name, '-c', `cd ${process.cwd()} && ${command.join(' ')}`]
      spawn('runuser', words, { stdio: 'ignore' }).unref()
    },
    stop: end,
    async reload() {
      await run('systemctl', ['--user', '-M', `${user.name}@`, 'daemon-reload'])
      await run('systemctl', ['--user', '-M', `${user.name}@`, 'is-active', 'corral.scope'])
    },
    leave: end,
  }
}

/** A command of a user's in a login of its own, to its end. */
export async function inLogin(
  { name }: User,
  command: string[],
): Promise<{ stdout: string; stderr: string }> {
  return run('runuser', ['-l', name, '-c', `cd ${process.cwd()} && ${command.join(' ')}`])
}
