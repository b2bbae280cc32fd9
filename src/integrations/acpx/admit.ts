// What acpx starts in the place of an agent: waits to be told which session to enter, and becomes the agent in there, with the
// same pid, stdio and environment. Nothing of the agent runs before. node admit.js -- COMMAND…
import type { CommandLine } from '../../backend/spawned.js'
import { systemCodeOf } from '../../common/errors.js'
import { loadNative } from '../../native/addon.js'
import { unspoken } from '../../native/protocol.js'
import { findBehindShims } from '../shim/behind.js'
import { ADMISSION_VARIABLE } from './admission.js'

const FAILED = 1
const USAGE = 2
const NOT_FOUND = 127

function give(up: string, status: number): never {
  process.stderr.write(`corral: ${up}\n`)
  process.exit(status)
}

function whyNot(error: unknown, directory: string, gateway: number): string {
  switch (systemCodeOf(error)) {
    case 'ESRCH':
      return `the gateway (pid ${gateway}) that started this has ended`
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `the gateway (pid ${gateway}) has closed its sessions: nothing listens in ${directory}`
    case 'EPERM':
    case 'ENOTDIR':
      return `${directory} is not private to the gateway (pid ${gateway}), so nothing in it was trusted`
    default:
      return `cannot ask the gateway (pid ${gateway}) in ${directory}: ${(error as Error).message}`
  }
}

function ask(directory: string, gateway: number): CommandLine & { protocol?: number } {
  try {
    return JSON.parse(loadNative().askAdmission(directory, gateway))
  } catch (error) {
    give(`admit: ${whyNot(error, directory, gateway)}. Nothing was started`, FAILED)
  }
}

const [dashes, command, ...args] = process.argv.slice(2)
if (dashes !== '--' || !command) give('admit: no command was given', USAGE)
const name = process.env[ADMISSION_VARIABLE]
if (!name) give(`admit: ${ADMISSION_VARIABLE} is not set: this is started by corral/acpx`, USAGE)
const [, pid, directory] = /^([1-9]\d*):(\/.*)$/s.exec(name) ?? []
if (!pid || !directory)
  give(
    `admit: ${ADMISSION_VARIABLE} is '${name}', not PID:DIRECTORY. Restart the gateway if it is of another version`,
    USAGE,
  )
const program = findBehindShims(command)
if (program === undefined) give(`'${command}' cannot be started: it is not on PATH`, NOT_FOUND)
const entry = ask(directory, Number(pid))
const why = unspoken(entry.protocol)
if (why !== undefined)
  give(`admit: the gateway (pid ${pid}) is of another version: ${why}. Nothing was started`, FAILED)

delete process.env[ADMISSION_VARIABLE]
loadNative().execute(entry.command, [entry.command, ...entry.args, program, ...args])
