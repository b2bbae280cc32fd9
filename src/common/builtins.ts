// Modules of Node's own that take milliseconds to load and that few calls need: each is loaded at the first of these. (What imports the
// library, and what `corral run` starts with, would wait for them.)
import { createRequire } from 'node:module'

// Node's own are found from anywhere
const load = createRequire('/')

export const childProcess = () => load('node:child_process') as typeof import('node:child_process')
export const crypto = () => load('node:crypto') as typeof import('node:crypto')
export const workerThreads = () => load('node:worker_threads') as typeof import('node:worker_threads')

/** So many random bytes, in hexadecimal digits. */
export const randomHex = (bytes: number) => crypto().randomBytes(bytes).toString('hex')
