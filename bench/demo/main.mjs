// The leak and its end: the same sessions of an ACP agent, ended in the same three ways, by a gateway that
// keeps child processes and by one that keeps them in Corral; then what is still alive. Options: --help.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { claudeAgent, standInAgent } from './agents.mjs'
import { begin, ENDINGS } from './endings.mjs'
import { openPlace } from './places.mjs'
import { closing, heading, row } from './table.mjs'

const USAGE = `Usage: npm run demo -- [options]
  --agent stand-in|claude  a bundled small agent (default), or the real one: npm installs it once, about 98 MB
  --sessions N             sessions for each ending (default 11)
  --pen DIRECTORY          the cgroup2 directory to work under (default: our own, or as root the mount; where neither
                           can be written, none: processes are counted by a mark, and Corral holds sessions without)`

const AGENTS = { 'stand-in': standInAgent, claude: claudeAgent }
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

const options = readOptions()
const scratch = mkdtempSync(join(tmpdir(), 'corral-demo-'))
const log = join(scratch, 'stderr.log')
let place
let agent
let stopping = false
let cleaned

for (const [signal, status] of Object.entries(SIGNALS)) {
  process.once(signal, async () => {
    stopping = true
    await cleanUp()
    process.exit(status)
  })
}

try {
  place = openPlace({ parent: options.pen })
  agent = await AGENTS[options.agent](scratch)
  await run()
} catch (error) {
  // Stopped by a signal: what fails now is what the signal ended.
  if (!stopping) console.error(`${error.message}\n${stderrOfTheAgents()}`.trimEnd())
  process.exitCode = 1
} finally {
  await cleanUp()
}

async function run() {
  console.log(heading(agent, options.sessions, place.counts))
  const results = []
  let printed = Promise.resolve()
  for (const ending of ENDINGS) {
    const setting = { ending, agent, place, log, scratch, sessions: options.sessions }
    // One gateway starts its agents at a time; the next one does while this one waits for its deadlines.
    const ordinary = held((await begin('ordinary', setting))())
    const contained = held((await begin('contained', setting))())
    const result = Promise.all([ordinary, contained])
    results.push(result)
    printed = held(Promise.all([result, printed]).then(([counts]) => console.log(row(ending, ...counts))))
  }
  await printed
  const { passed, text } = closing(await Promise.all(results))
  console.log(text)
  if (!passed) process.exitCode = 1
}

// A promise that is awaited later: Node would end us for a rejection that nobody waits for yet.
function held(promise) {
  promise.catch(() => {})
  return promise
}

function cleanUp() {
  cleaned ??= (async () => {
    // First the place: what is killed with it writes no more.
    await place?.end()
    await agent?.end()
    rmSync(scratch, { recursive: true, force: true })
  })()
  return cleaned
}

function stderrOfTheAgents() {
  try {
    return readFileSync(log, 'utf8').slice(-2000)
  } catch {
    return ''
  }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        agent: { type: 'string', default: 'stand-in' },
        sessions: { type: 'string', default: '11' },
        pen: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit(0)
    }
    const sessions = Number(values.sessions)
    if (!Object.hasOwn(AGENTS, values.agent)) throw new Error(`No such agent: ${values.agent}`)
    if (!Number.isInteger(sessions) || sessions < 1)
      throw new Error(`Not a number of sessions: ${values.sessions}`)
    return { ...values, sessions }
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`)
    process.exit(2)
  }
}
