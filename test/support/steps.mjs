// The steps that prove a tree, each with its record in steps.json: what it took, how it ended, and the hash of what it
// depends on, so that a step whose inputs have not changed since it was green need not run again.
//
//   node test/support/steps.mjs run NAME [--if-changed] [--input PATH]… -- COMMAND…
//   node test/support/steps.mjs list
//
// `run` runs COMMAND and ends with its status. The inputs are all files that git knows or does not ignore, or those at the
// PATHs, and the command, the version of Node, the architecture and the user. With --if-changed nothing is run when the last
// record of the step with the same inputs is a green one. The records are in CORRAL_TEST_RESULTS, or build/results, and so
// are the results of vitest, whose tests are counted. `list` prints the last record of each step.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { slownessOfRun } from './measure-slowness.mjs'

const SELF = fileURLToPath(import.meta.url)
const REPOSITORY = path.join(path.dirname(SELF), '../..')
const RESULTS = path.resolve(process.env.CORRAL_TEST_RESULTS ?? path.join(REPOSITORY, 'build/results'))
const RECORDS = path.join(RESULTS, 'steps.json')
/** Tells what a step starts that it is within one. */
const WITHIN = 'CORRAL_TEST_STEP'
const USAGE = `usage: node test/support/steps.mjs run NAME [--if-changed] [--input PATH]… -- COMMAND…
       node test/support/steps.mjs list`

/** What git prints, or undefined where the tree is no clone or there is no git. */
function git(...words) {
  const { status, stdout } = spawnSync('git', ['-C', REPOSITORY, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 ? stdout : undefined
}

/** The hash of the files as they are in the work tree, with these words; undefined where git does not list them. */
function hashOf(paths, words) {
  const listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...paths)
  if (listed === undefined) return undefined
  const files = [...new Set(listed.split('\0').filter(Boolean))].sort()
  if (files.length === 0) throw new Error(`no file of the repository is at ${paths.join(' ')}`)
  const hash = createHash('sha256').update(JSON.stringify(words))
  for (const file of files) {
    const { mode, text } = contentOf(path.join(REPOSITORY, file))
    hash.update(JSON.stringify([file, mode, text.length])).update(text)
  }
  return hash.digest('hex').slice(0, 40)
}

/** As git has it: whether it is executable, and the target of a link. */
function contentOf(file) {
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return { mode: 'removed', text: Buffer.alloc(0) }
  if (found.isSymbolicLink()) return { mode: 'link', text: Buffer.from(readlinkSync(file)) }
  return { mode: found.mode & 0o100 ? 'executable' : 'file', text: readFileSync(file) }
}

function recordsOf() {
  return existsSync(RECORDS) ? JSON.parse(readFileSync(RECORDS, 'utf8')) : []
}

// Two steps may end at once: flock(1) runs this program again, with the record on its stdin.
function append(record) {
  const { status, error } = spawnSync('flock', [`${RECORDS}.lock`, process.execPath, SELF, 'append'], {
    input: JSON.stringify(record),
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  if (error || status !== 0) throw error ?? new Error(`flock: status ${status}`)
}

function appendLocked() {
  const records = [...recordsOf(), JSON.parse(readFileSync(0, 'utf8'))]
  const lines = records.map((record) => JSON.stringify(record)).join(',\n')
  writeFileSync(`${RECORDS}.new`, `[\n${lines}\n]\n`)
  renameSync(`${RECORDS}.new`, RECORDS)
}

/** How many tests passed, failed and were skipped in the results that vitest wrote since then; none where it wrote none. */
function testsSince(time) {
  const written = readdirSync(RESULTS)
    .filter((name) => name.endsWith('.json') && name !== path.basename(RECORDS))
    .map((name) => path.join(RESULTS, name))
    .filter((file) => statSync(file).mtimeMs >= time)
  if (written.length === 0) return {}
  const statuses = written
    .flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).testResults)
    .flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status))
  const passed = statuses.filter((status) => status === 'passed').length
  const failed = statuses.filter((status) => status === 'failed').length
  return { passed, failed, skipped: statuses.length - passed - failed }
}

/** Runs it on this terminal and resolves with its status, as a shell has it. */
function statusOf([program, ...words], env) {
  return new Promise((resolve) => {
    const child = spawn(program, words, { stdio: 'inherit', env: { ...process.env, ...env } })
    // A terminal signals the command too; what is sent to this program alone, it passes on
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
    child.once('error', (error) => {
      console.error(`${program}: ${error.message}`)
      resolve(127)
    })
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}

/**
 * Runs a command as a step and leaves its record; resolves with its status. `input`: what it depends on, all files where that
 * is empty; `if-changed`: not where it was green with these.
 */
export async function run(step, command, { input: paths = [], 'if-changed': ifChanged = false }) {
  // A step of a step is part of that one's record
  if (process.env[WITHIN] !== undefined) return statusOf(command, {})
  mkdirSync(RESULTS, { recursive: true })
  const tree = hashOf(paths, [command, process.version, process.arch, process.getuid()])
  const before = recordsOf().findLast((record) => record.step === step && record.tree === tree)
  if (ifChanged && tree !== undefined && before?.status === 0) {
    console.log(`${step}: green on ${before.at}, and its inputs have not changed since`)
    return 0
  }
  const { slowness: s, stretch } = slownessOfRun()
  const at = new Date()
  const status = await statusOf(command, {
    [WITHIN]: step,
    CORRAL_TEST_RESULTS: RESULTS,
  })
  const seconds = Math.round((Date.now() - at) / 100) / 10
  const quotient = Math.round((seconds / s) * 10) / 10
  append({
    step,
    at: at.toISOString(),
    status,
    seconds,
    s,
    stretch,
    quotient,
    burners: Number(process.env.CORRAL_TEST_BURNERS ?? 0),
    ...testsSince(at),
    commit: git('rev-parse', 'HEAD')?.trim(),
    tree,
    command: command.join(' '),
  })
  console.log(`${step} took ${seconds} s, s = ${s}, quotient ${quotient}, status ${status}`)
  return status
}

function list() {
  const last = new Map(recordsOf().map((record) => [record.step, record]))
  for (const { step, at, status, seconds, commit } of last.values())
    console.log(`${status === 0 ? 'green' : 'red  '} ${at} ${seconds} s, ${commit?.slice(0, 12)}: ${step}`)
}

/** The words before `--` and the command after it. */
function divided(words) {
  const end = words.indexOf('--')
  return end < 0 ? [words, []] : [words.slice(0, end), words.slice(end + 1)]
}

function usage(message) {
  console.error(`${message}\n${USAGE}`)
  return 2
}

async function main() {
  const [words, command] = divided(process.argv.slice(2))
  let parsed
  try {
    parsed = parseArgs({
      args: words,
      allowPositionals: true,
      options: { 'if-changed': { type: 'boolean' }, input: { type: 'string', multiple: true } },
    })
  } catch (error) {
    return usage(error.message)
  }
  const [verb, step, ...more] = parsed.positionals
  if (verb === 'append') return appendLocked()
  if (verb === 'list' && step === undefined) return list()
  if (verb !== 'run' || step === undefined || more.length > 0)
    return usage(`not a step: ${words.join(' ') || 'nothing was given'}`)
  if (command.length === 0) return usage(`what to run for ${step} is missing: -- COMMAND…`)
  return run(step, command, parsed.values)
}

if (process.argv[1] === SELF) process.exitCode = await main()
