import { execa } from 'execa'

/** As execa(command, args, options), in a session: when the command has ended, so has all that it left. */
export async function execaContained(corral, command, args, { session, ...options }) {
  const wrapped = await corral.wrap(command, args, session)
  // The commands of a pipeline of execa's own are wrapped one by one
  const subprocess = execa(wrapped.command, wrapped.args, { ...options, reject: false })
  const result = subprocess.then(async (ended) => {
    // What could not be started has not entered the session, which would wait for it
    await wrapped.session.close({ reason: 'oneshot-complete', graceMs: 0 })
    return ended
  })
  return { subprocess, result, session: wrapped.session, close: (how) => wrapped.session.close(how) }
}
