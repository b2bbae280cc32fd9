// node test/chaos/losses.mjs [COUNT]: counts what is lost of what commands write at their very end, beside as many programs that
// burn CPU time as there are processors, held by each mechanism; ends with 1 where that is anything. COUNT (1,000) times each:
//   tee   `exec > >(tee FILE); echo last`: tee still works when the command has ended; by `corral run`, and by corral.spawn()
//   five  corral.spawn() of five commands that are awaited together, and read once all of them have ended
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { withPen } from '../../bench/pen.mjs'
import { openCorral } from '../../dist/index.js'

const at = (file) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
const BURNERS = at('../support/burners.mjs')
const SPAWNS = 5

async function textOf(stream) {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

/** What a tee has written, and passed on, of `last`. */
function tee(file) {
  return ['bash', ['-c', 'exec > >(tee "$0"); echo last', file]]
}
const writtenTo = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}

async function lostByRun(place, file) {
  const [command, args] = tee(file)
  const run = spawn(LAUNCHER, ['run', ...place, '--', command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [passedOn, [code]] = await Promise.all([textOf(run.stdout), once(run, 'exit')])
  if (code !== 0) throw new Error(`corral run ended with ${code}`)
  return writtenTo(file) === 'last\n' && passedOn === 'last\n' ? 0 : 1
}

async function lostBySpawn(corral, file) {
  const [command, args] = tee(file)
  const session = await corral.spawn({ command, args })
  const [passedOn] = await Promise.all([textOf(session.process.stdout), session.closed])
  return writtenTo(file) === 'last\n' && passedOn === 'last\n' ? 0 : 1
}

async function lostOfFive(corral) {
  const args = ['-c', 'echo out; echo err >&2']
  const sessions = await Promise.all(
    Array.from({ length: SPAWNS }, () => corral.spawn({ command: 'sh', args })),
  )
  await Promise.all(sessions.map(({ closed }) => closed))
  const texts = sessions.map(async ({ process: { stdout, stderr } }) =>
    (await Promise.all([textOf(stdout), textOf(stderr)])).join(''),
  )
  return (await Promise.all(texts)).filter((text) => text !== 'out\nerr\n').length
}

/** `count` times, a few at once. */
async function total(count, once) {
  let begun = 0
  let lost = 0
  const one = async () => {
    while (begun < count) lost += await once(begun++)
  }
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, one))
  return lost
}

async function countAll(root, directory, count) {
  let all = 0
  for (const [mechanism, options, place] of [
    ['cgroup', { root, systemd: false }, ['--root', root]],
    ['subreaper', { backend: 'subreaper' }, ['--backend', 'subreaper']],
  ]) {
    const corral = await openCorral(options)
    const file = (way, index) => path.join(directory, `${mechanism}-${way}-${index}`)
    const ways = {
      'tee, by corral run': (index) => lostByRun(place, file('run', index)),
      'tee, by corral.spawn()': (index) => lostBySpawn(corral, file('spawn', index)),
      'five, by corral.spawn()': () => lostOfFive(corral),
    }
    for (const [way, lose] of Object.entries(ways)) {
      const lost = await total(count, lose)
      console.log(
        `${mechanism}: ${way}: ${lost} of ${way.startsWith('five') ? `${count} × ${SPAWNS}` : count} lost`,
      )
      all += lost
    }
    await corral.close()
  }
  return all
}

const [count = '1000', beside] = process.argv.slice(2)
if (!/^[1-9]\d*$/.test(count)) {
  console.error('usage: node test/chaos/losses.mjs [COUNT]')
  process.exit(2)
} else if (beside === undefined) {
  const words = [
    BURNERS,
    String(availableParallelism()),
    '--',
    process.execPath,
    at('losses.mjs'),
    count,
    'beside',
  ]
  const [code] = await once(spawn(process.execPath, words, { stdio: 'inherit' }), 'exit')
  process.exitCode = code ?? 1
} else {
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-losses-'))
  try {
    const lost = await withPen('losses', undefined, (pen) => countAll(pen.path, directory, Number(count)))
    process.exitCode = lost > 0 ? 1 : 0
  } finally {
    rmSync(directory, { recursive: true })
  }
}
