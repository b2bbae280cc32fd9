import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A child process of Node's own that is a session. `close()` ends it, and all that it has started. */
export async function startChild(corral, command, args, { session, ...options }) {
  const wrapped = await corral.wrap(command, args, session)
  const child = spawn(wrapped.command, wrapped.args, { stdio: 'pipe', ...options })
  try {
    await once(child, 'spawn')
  } catch (error) {
    await wrapped.session.close({ reason: 'not-started', graceMs: 0 })
    throw error
  }
  return { child, session: wrapped.session, close: (how) => wrapped.session.close(how) }
}
