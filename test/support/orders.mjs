// What the gateways of the tests do when they are told to: a function for each order, with JSON in and JSON out. gateway.mjs
// takes them as lines; in the process of a test they are called as they are.
import { createInterface } from 'node:readline'
import pino from 'pino'

/** The first line of a session's output that fits. */
async function lineOf({ key, process: { stdout } }, pattern) {
  for await (const line of createInterface({ input: stdout })) if (new RegExp(pattern).test(line)) return line
  throw new Error(`${key} ended before it printed ${pattern}`)
}

/**
 * The orders of one gateway. `tell` hears of what happens meanwhile.
 * @param {typeof import('../../src/index.js').openCorral} openCorral
 * @param {(news: string, what: unknown) => void} tell
 * @returns {Record<string, (...words: any[]) => unknown>}
 */
export function ordersOf(openCorral, tell = () => undefined) {
  let corral
  const sessions = new Map()

  const known = (session, more) => {
    sessions.set(session.key, session)
    return { ...more, key: session.key, receipt: session.receipt }
  }

  const orders = {
    /** `told`: the answer has what the library has logged until then. */
    async open({ told = false, ...options } = {}) {
      const logged = []
      const logger = told && pino({}, { write: (line) => logged.push(JSON.parse(line).msg) })
      corral = await openCorral({ ...options, ...(logger && { logger }) })
      corral.on('guard', (event) => tell('guard', event))
      return { id: corral.id, root: corral.root, logged }
    },
    /** With a pattern, once the session has printed a line that fits: `said` is that. */
    async spawn(options, pattern) {
      const session = await corral.spawn(options)
      session.process.stderr?.on('data', (text) => process.stderr.write(text))
      const said = pattern ? await lineOf(session, pattern) : undefined
      return known(session, { pid: session.process.pid, said })
    },
    async wrap(command, args, options) {
      const { session, ...line } = await corral.wrap(command, args, options)
      return known(session, line)
    },
    /** Several orders at once. */
    all: (...several) => Promise.all(several.map(([order, ...words]) => orders[order](...words))),
    add: async (key, command, args) => (await sessions.get(key).spawn(command, args)).pid,
    close: (key, options) => sessions.get(key).close(options),
    closed: (key) => sessions.get(key).closed,
    endInput: (key) => void sessions.get(key).process.stdin.end(),
    exited: (key) => sessions.get(key).process.exited,
    members: (key) => sessions.get(key).members(),
    state: (key) => sessions.get(key).state,
    guard: () => corral.guard,
    reset: (key, options) => corral.resetParent(key, options),
    sweep: (options) => corral.sweep(options),
    end: (options = { graceMs: 0 }) => corral.close(options),
    /** Nothing, for ever. */
    idle: () => new Promise(() => undefined),
    /** Keeps the event loop busy. */
    block(ms) {
      const until = performance.now() + ms // timer: this is what is tested
      while (performance.now() < until); // timer: as above
    },
  }
  return orders
}
