import { methods } from '@agentclientprotocol/sdk'
import { SessionTerminals } from 'corral/acpx'

/** Lets the agent of a session have terminals: `app` is the SDK's client(), before it connects. */
export function giveTerminals(app, session) {
  const terminals = new SessionTerminals(session)
  const { terminal } = methods.client
  return app
    .onRequest(terminal.create, ({ params }) => terminals.create(params))
    .onRequest(terminal.output, ({ params }) => terminals.output(params))
    .onRequest(terminal.waitForExit, ({ params }) => terminals.waitForExit(params))
    .onRequest(terminal.kill, ({ params }) => terminals.kill(params))
    .onRequest(terminal.release, ({ params }) => terminals.release(params))
}
