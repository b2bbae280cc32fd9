// The gateway of the tests: a process that holds sessions and does what it is told (orders.mjs), by a line of JSON on stdin
// each: [id, order, ...words]. On stdout it answers ['begun', id], and then [id, answer] or [id, null, error]; in between it
// tells of what happens, [news, what]. When stdin ends it goes: by itself if it has closed its instance, else with 1.
//   node gateway.mjs [worker]      worker: it does so in a worker thread, and the process goes on without that
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { isMainThread, Worker } from 'node:worker_threads'
import { openCorral } from 'corral'
import { ordersOf } from './orders.mjs'

// Earlier versions have it elsewhere
const { loadNative } = await import('../../build/js/native/addon.js')
  .catch(() => import('../../dist/native/addon.js'))
  .catch(() => import('../../dist/native.js'))

// Not console.log(): a line has to be out before anything of what it announces begins
const say = (...words) => writeSync(1, `${JSON.stringify(words)}\n`)

const taken = []

const ofTheProcess = {
  exit: (status) => process.exit(status), // in a worker thread only that ends
  abort: () => process.abort(),
  /** Becomes another user. What has to be read from the checkout for that is loaded before. */
  become(uid) {
    loadNative()
    if (uid === process.getuid()) return
    process.setgroups([])
    process.setgid(uid)
    process.setuid(uid)
  },
  async searchRoot() {
    const { searchRoot } = await import('../../build/js/backend/cgroup/root.js')
    return searchRoot(loadNative())
  },
  descriptors: () => readdirSync('/proc/self/fd').length,
  /** Takes all descriptors that there are, but so many. */
  leaveFree(count) {
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch (error) {
      if (error.code !== 'EMFILE') throw error
    }
    for (let i = 0; i < count; i++) closeSync(taken.pop())
  },
  giveBack: () => taken.splice(0).forEach((fd) => void closeSync(fd)),
  /** Orders of a test's own: the module's default export makes them. */
  async learn(module, ...words) {
    const { default: make } = await import(module)
    Object.assign(orders, await make(...words))
  },
}

const orders = { ...ordersOf(openCorral, say), ...ofTheProcess }
let closed = false

async function obey([id, order, ...words]) {
  say('begun', id)
  try {
    const answer = await orders[order](...words)
    if (order === 'end') closed = true
    say(id, answer ?? null)
  } catch (error) {
    const { name, code, message, path, systemCode, syscall, processes } = error
    say(id, null, { name, code, message, path, systemCode, syscall, processes })
  }
}

if (isMainThread && process.argv[2] === 'worker') {
  const worker = new Worker(new URL(import.meta.url), { stdin: true })
  process.stdin.pipe(worker.stdin)
  setInterval(() => undefined, 2 ** 30) // timer: keeps it alive
} else {
  for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line))
  // Whoever started us is gone: then nobody would end us
  if (!closed) process.exit(1)
}
