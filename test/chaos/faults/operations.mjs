// What a gateway does while a call of its fails: what comes before it, with nothing failing, and the operation itself.
// Each gives what `after` needs to end it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { openCorral } from 'corral'
import { loadNative } from '../../../build/js/native/addon.js'
import { PID_LABEL } from '../../../build/js/native/language.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'

const KILL_MS = 1000 * SLOWNESS
const SLEEPING = { command: 'sleep', args: ['1000'], graceMs: 50 }

async function open(root, options = {}) {
  return {
    root,
    corral: await openCorral({ root, sweep: false, killTimeoutMs: KILL_MS, systemd: false, ...options }),
  }
}

const openWith = (options) => (root) => open(root, options)

/** What an environment variable changes is read when an instance is opened. */
const openUnder = (variable, value) => async (root) => {
  process.env[variable] = value
  try {
    return await open(root)
  } finally {
    delete process.env[variable]
  }
}

const withSession =
  (opening = open, options = {}) =>
  async (root) => {
    const state = await opening(root)
    return { ...state, session: await state.corral.spawn({ ...SLEEPING, key: 'one', ...options }) }
  }

async function withFamily(root) {
  const state = await withSession(open, { key: 'child', parentKey: 'parent' })(root)
  await state.corral.spawn({ ...SLEEPING, key: 'grandchild', parentKey: 'child' })
  return state
}

/** As gateways leave them that were killed together with their guards: nobody holds their locks. */
async function withDead(root) {
  const state = await open(root)
  const sleepers = ['i0000000001', 'i0000000002'].map((name) => {
    const group = `${root}/corral/${name}/sessions/key/agent`
    mkdirSync(group, { recursive: true })
    mkdirSync(`${root}/corral/${name}/warden`)
    loadNative().setLabel(`${root}/corral/${name}`, PID_LABEL, String(process.pid))
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    writeFileSync(`${group}/cgroup.procs`, String(child.pid))
    return child
  })
  return { ...state, sleepers }
}

const start = ({ corral }, options) =>
  corral.spawn({ ...SLEEPING, key: 'new', parentKey: 'parent', ...options })

async function runToItsEnd({ corral }, options) {
  const session = await corral.spawn({ command: 'true', key: 'new', ...options })
  await session.closed
}

async function enterWrapped({ corral }) {
  const { command, args, session } = await corral.wrap('true', [], { key: 'wrapped' })
  await once(spawn(command, args, { stdio: 'ignore' }), 'exit')
  await session.closed
}

async function sweep({ corral }) {
  const { failed } = await corral.sweep()
  if (failed.length > 0) throw failed[0].error
}

async function withGuard(root) {
  const state = await withSession()(root)
  const [pid] = readFileSync(`${root}/corral/${state.corral.id}/warden/cgroup.procs`, 'utf8').split('\n')
  return { ...state, guard: Number(pid) }
}

async function guardDies({ corral, guard, session }) {
  process.kill(guard, 'SIGKILL')
  await eventually('there is another guard', () => {
    if (session.state !== 'running') throw new Error('the session was ended with it')
    return corral.guard.alive && corral.guard.deaths > 0
  })
}

/**
 * `whole`: after its failure all is as it was before; otherwise what is left is ended by corral.close().
 * `needs`: it cannot do without any of its calls, and tries for ever. `before` is done with nothing failing.
 */
export const OPERATIONS = {
  open: { during: open, opens: true },
  'open with limits': { during: openWith({ sessions: { memoryMax: '512M' } }), opens: true },
  'open, moved by hand': { during: openUnder('CORRAL_NO_CLONE3', '1'), opens: true },
  spawn: { before: open, during: start, whole: true },
  'spawn with a limit': {
    before: open,
    during: (state) => start(state, { limits: { memoryMax: '64M' }, detached: true, cwd: '/tmp' }),
    whole: true,
  },
  'spawn with fifos': {
    before: open,
    during: (state) => start(state, { stdio: ['fifo', 'fifo', 'ignore'] }),
    whole: true,
  },
  'spawn, moved by hand': { before: openUnder('CORRAL_NO_CLONE3', '1'), during: start, whole: true },
  'run to its end': { before: open, during: runToItsEnd },
  'spawn in a session': {
    before: withSession(),
    during: ({ session }) => session.spawn('sleep', ['1000']),
    whole: true,
  },
  'wrap and enter': { before: open, during: enterWrapped },
  'set limits': {
    before: withSession(open, { limits: { memoryMax: '64M' } }),
    during: ({ session }) => session.setLimits({ memoryMax: '128M' }),
  },
  'set family limits': {
    before: withFamily,
    during: ({ corral }) => corral.setFamilyLimits('parent', { memoryMax: '128M' }),
  },
  'set limits of all': {
    before: withSession(),
    during: ({ corral }) => corral.setLimits({ memoryMax: '512M' }),
  },
  look: {
    before: withSession(open, { limits: { memoryMax: '64M' } }),
    during: async ({ session }) => [session.usage(), session.members()],
  },
  'close a session': { before: withSession(), during: ({ session }) => session.close({ graceMs: 0 }) },
  'close politely': { before: withSession(), during: ({ session }) => session.close({ graceMs: 100 }) },
  'close by freezing': {
    before: withSession(openUnder('CORRAL_KILL_METHOD', 'freeze')),
    during: ({ session }) => session.close({ graceMs: 0 }),
  },
  'reset a parent': { before: withFamily, during: ({ corral }) => corral.resetParent('parent') },
  sweep: { before: withDead, during: sweep },
  'another guard': { before: withGuard, during: guardDies, needs: true },
  'close the corral': { before: withFamily, during: ({ corral }) => corral.close({ graceMs: 0 }) },
  'open without cgroups': { during: () => open(undefined, { backend: 'subreaper' }), opens: true },
  'spawn without cgroups': {
    before: () => open(undefined, { backend: 'subreaper' }),
    during: start,
    whole: true,
  },
  'close without cgroups': {
    before: withSession(() => open(undefined, { backend: 'subreaper' })),
    during: ({ session }) => session.close({ graceMs: 0 }),
  },
}

/** Ends all that an operation was done in, with nothing failing any more. */
export async function endAll(state) {
  await state?.corral?.close({ graceMs: 0 })
  if (state?.sleepers) {
    const { corral } = await open(state.root, { sweep: true }) // what the sweep that failed has left
    await corral.close()
  }
}
