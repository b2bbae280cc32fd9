// `corral run` in a login, in whose own cgroup nothing can be built: it asks systemd for a scope.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { output } from '../../support/output.js'
import { note } from '../table-row.js'
import { marked, newMark, nothingIsLeft, sleepers } from './left.js'
import { inLogin, login, VISITOR } from './places.js'

const place = login("`corral run` in a user's login", VISITOR)
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const HOG = fileURLToPath(new URL('./fixtures/hog.mjs', import.meta.url))

/** `corral run` in a new login. The shell's exit status is that of the command. */
function corralRun(...words: string[]): ChildProcess {
  const command = `cd ${process.cwd()} && exec ${[process.execPath, CLI, 'run', ...words].join(' ')}`
  return spawn('runuser', ['-l', VISITOR.name, '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
}

const ownCgroup = (pid: number) => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]

/** What went wrong is seen in the run's own output. */
function corralRunAside(...words: string[]): void {
  corralRun(...words).stderr?.pipe(process.stderr)
}

/** The pid of the warden that `corral run` has become, once its command runs. */
function wardenOf(mark: string): Promise<number> {
  const find = async () =>
    (await sleepers(mark)).length > 0 &&
    (await marked(mark)).find(({ words }) => words[0] === 'corral-warden' && words[1] === 'run')?.pid
  return eventually('a warden', find, { instead: () => marked(mark) })
}

/** In a login too, as anybody asks it. */
const doctorOf = async () => (await inLogin(VISITOR, [process.execPath, CLI, 'doctor'])).stdout

afterEach(() => place.leave())

test('it becomes the warden in the scope, and its command is held to its cap', async (context) => {
  const mark = newMark()
  const run = corralRun('--memory-max', '64M', '--swap-max', '0', '--', process.execPath, HOG, mark)
  const [status] = await once(run, 'exit') // of the login shell, which says so of a command that a signal ended
  expect({ status, said: await output(run.stderr) }).toMatchObject({ status: 137 })
  await nothingIsLeft(mark)
  note(context, place.name, { root: 'systemd', cap: 'cgroup', hog: 'memory-limit' }, await doctorOf())
})

test('it gives back what the command prints and its status', async () => {
  const run = corralRun('--', 'sh', '-c', '"cat /proc/self/cgroup; exit 3"')
  const printed = await output(run.stdout)
  const [status] = run.exitCode === null ? await once(run, 'exit') : [run.exitCode]
  expect(status).toBe(3)
  expect(printed).toMatch(
    /\/user@2001\.service\/app\.slice\/corral\.scope\/corral\/\w+\/sessions\/.*agent\/in$/m,
  )
  await nothingIsLeft('nobody')
})

test('SIGKILL of it leaves nothing', async (context) => {
  const mark = newMark()
  corralRunAside('--', 'sh', '-c', `"setsid sleep ${mark} & exec sleep ${mark}"`)
  const warden = await wardenOf(mark)
  expect(ownCgroup(warden)).toMatch(/\/user@2001\.service\/app\.slice\/corral\.scope\/supervisor$/)
  process.kill(warden, 'SIGKILL')
  await nothingIsLeft(mark)
  note(context, place.name, { killed: 'nothing left' })
})

test('the end of the login leaves nothing', async (context) => {
  const mark = newMark()
  corralRunAside('--', 'sh', '-c', `"setsid sleep ${mark} & exec sleep ${mark}"`)
  await wardenOf(mark)
  await place.stop()
  await nothingIsLeft(mark)
  note(context, place.name, { stopped: 'nothing left' })
})

test('two share the scope: other logins list both, and can end one without the other', async () => {
  const marks = [newMark(), newMark()]
  for (const [index, mark] of marks.entries())
    corralRunAside('--session', `key-${index}`, '--', 'sleep', mark)
  await Promise.all(marks.map(wardenOf))
  const corral = (...words: string[]) => inLogin(VISITOR, [process.execPath, CLI, ...words])
  const listed = async () => {
    const { instances } = JSON.parse((await corral('ls', '--json')).stdout) as {
      instances: { sessions: { key: string }[] }[]
    }
    return instances.flatMap(({ sessions }) => sessions.map(({ key }) => key)).sort()
  }
  await eventually('both are listed', async () => (await listed()).join() === 'key-0,key-1', {
    instead: listed,
  })
  await corral('kill', 'key-0')
  expect(await listed()).toEqual(['key-1'])
  expect(await sleepers(marks[1] ?? '')).toHaveLength(1)
  await corral('kill', '--all')
  for (const mark of marks) await nothingIsLeft(mark)
})

test('where nobody has a scope, others see that there is nothing', async () => {
  const { stdout } = await inLogin(VISITOR, [process.execPath, CLI, 'ls'])
  expect(stdout).toMatch(/^no sessions below .*\/corral\.scope$/m)
})

test('it does not ask where it may not', async () => {
  const run = corralRun('--backend', 'cgroup', '--no-systemd', '--', 'true')
  const said = await output(run.stderr)
  const [status] = run.exitCode === null ? await once(run, 'exit') : [run.exitCode]
  expect({ status, said }).toEqual({ status: 1, said: expect.stringContaining('it was not asked') })
  await nothingIsLeft('nobody')
})
