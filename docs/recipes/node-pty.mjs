import { spawn } from 'node-pty'

/** A terminal whose program is a session. Hanging up, as `kill()` of node-pty does, leaves processes that ignore it; `close()` does not. */
export async function openTerminal(corral, program, args, { session, ...options }) {
  const wrapped = await corral.wrap(program, args, session)
  try {
    const terminal = spawn(wrapped.command, wrapped.args, { name: 'xterm-256color', ...options })
    return { terminal, session: wrapped.session, close: (how) => wrapped.session.close(how) }
  } catch (error) {
    await wrapped.session.close({ reason: 'not-started', graceMs: 0 })
    throw error
  }
}
