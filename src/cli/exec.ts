// corral exec: runs a command in a live session. This process becomes the command (in a cgroup), or what holds it for the
// session's reaper (native/warden/enter.h, run_subreaper.c): so status, signals and terminal are the command's own.
import { InvalidArgumentError } from '../common/errors.js'
import { becomeWarden, inheritedWords } from './become.js'
import type { Outcome } from './output.js'
import { type SessionsOptions, sessionsOf } from './sessions.js'

/** Comes back only where there is no such session. @throws CorralError */
export async function exec(key: string, command: string[], options: SessionsOptions): Promise<Outcome> {
  const { found, errors } = await sessionsOf([key], options)
  const [session, ...others] = found
  if (session === undefined) return { lines: [], errors, status: 1 }
  if (others.length > 0)
    throw new InvalidArgumentError(`${found.length} sessions have the key '${key}'`, {
      hint: `Choose one by --instance: ${found.map(({ instance }) => instance.instance).join(', ')}`,
    })
  return becomeWarden([...(await session.entry()), ...inheritedWords()], command)
}
