// What acpx starts in the place of an agent: waits to be told which session to enter, and becomes the agent in there, with the
// same pid, stdio and environment. Nothing of the agent runs before. node admit.js -- COMMAND…
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { CommandLine } from '../backend.js'
import { loadNative } from '../native.js'
import { findBehindShims } from '../shim/behind.js'
import { SOCKET_VARIABLE, socketPath } from './admission.js'

const FAILED = 1
const NOT_FOUND = 127

function give(up: string, status: number): never {
  process.stderr.write(`corral: ${up}\n`)
  process.exit(status)
}

/** The line that the gateway has for us; undefined when it went away, or there is none. */
function askFor(pid: number, name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath(name) })
    socket.on('error', () => resolve(undefined))
    createInterface({ input: socket })
      .once('line', resolve)
      .once('close', () => resolve(undefined))
    socket.write(`${pid}\n`)
  })
}

const [dashes, command, ...args] = process.argv.slice(2)
if (dashes !== '--' || !command) give('admit: there is no command', 2)
const name = process.env[SOCKET_VARIABLE]
if (!name) give(`admit: ${SOCKET_VARIABLE} is not set: this is started by corral/acpx`, 2)
const program = findBehindShims(command)
if (program === undefined) give(`'${command}' cannot be started: it is not on PATH`, NOT_FOUND)
const line = await askFor(process.pid, name)
if (line === undefined) give('the gateway has gone, or has closed the session', FAILED)

delete process.env[SOCKET_VARIABLE]
const entry = JSON.parse(line) as CommandLine
loadNative().execute(entry.command, [entry.command, ...entry.args, program, ...args])
