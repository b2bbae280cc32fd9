// What must hold after an operation in which a call failed.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { eventually } from '../../support/eventually.js'

// They tell of what came of the failure, which happened to another process, or to an earlier step.
const UNCAUSED = ['CORRAL_STUCK', 'CORRAL_NO_GUARD', 'CORRAL_CLOSING', 'CORRAL_LIMIT_UNSUPPORTED']
// Another errno of the same meaning. And a directory that cannot be read for good cannot be emptied: EBUSY.
const INSTEAD = { ENODEV: ['ENOENT'] }
// strerror(3) begins with a capital letter; Node's own messages with the errno's name.
const SAYS_WHY = /: [A-Z][a-z]|there is no |\bE[A-Z0-9]{2,}\b/

/** The descriptors of this process, each with what it is. */
export function descriptors() {
  return readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`]
      } catch {
        return [] // that by which we read the list
      }
    })
    .map((line) => line.replace(/\[\d+\]$/, ''))
}

function below(directory) {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => [`${directory}/${name}`, ...below(`${directory}/${name}`)])
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return []
    throw error
  }
}

function members(directory) {
  try {
    return readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return []
    throw error
  }
}

const nameOf = (pid) => {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}`
  } catch {
    return `${pid}`
  }
}

/** All that a gateway can leave: groups below the root and beside it, processes in its pen, descriptors. */
export function lookAround({ pen, root, twin }) {
  const groups = [...below(root), ...(twin ? below(twin) : [])]
  const processes = [pen, ...below(pen)].flatMap(members).filter((pid) => pid !== process.pid)
  return { groups, processes, descriptors: descriptors() }
}

/** What is there now and was not there before, in words; waits for it to go. */
export async function leftSince(before, places) {
  const leftNow = () => {
    const now = lookAround(places)
    const left = Object.keys(now).flatMap((kind) => {
      const known = new Set(before[kind].map(bare))
      const more = now[kind].filter((one) => !known.has(bare(one)))
      return more.map((one) => `${kind}: ${kind === 'processes' ? nameOf(one) : one}`)
    })
    // A descriptor may have got another number
    const more = now.descriptors.length - before.descriptors.length
    return left.filter((one) => !one.startsWith('descriptors') || more > 0)
  }
  return eventually('nothing is left', () => leftNow().length === 0, { everyMs: 2 }).then(
    () => [],
    () => leftNow(),
  )
}

const bare = (one) =>
  String(one)
    .replace(/corral-i[0-9a-f]{10}|i[0-9a-f]{10}/, 'I')
    .replace(/^\d+ /, '')

const flat = (error) => (error instanceof AggregateError ? error.errors.flatMap(flat) : [error])

/** What is wrong with an error, in words: it has to be one of Corral's, to say what was tried on what, and which errno it was. */
export function faultsOf(error, { number, always }) {
  const name = getSystemErrorName(-number)
  return flat(error).flatMap((one) => {
    if (!/^CORRAL_/.test(one?.code ?? '')) return [`not an error of Corral's: ${one?.stack ?? one}`]
    if (UNCAUSED.includes(one.code)) return []
    if (one.code === 'CORRAL_NO_ROOT' && one.message.includes(name)) return [] // it tells of all that was tried
    const told = [name, ...(INSTEAD[name] ?? []), ...(always ? ['EBUSY'] : [])]
    if (!told.includes(one.systemCode)) return [`does not have ${name} but ${one.systemCode}: ${one.message}`]
    return SAYS_WHY.test(one.message) ? [] : [`does not say why: ${one.message}`]
  })
}
