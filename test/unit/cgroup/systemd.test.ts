// What becomes of asking systemd when it does not go well: the reason, in a bounded time, and this process where it was.
// `busctl` is a script here. test/hosts/systemd has the real one, and systemd.
import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { output } from '../../support/output.js'

const fixture = fileURLToPath(new URL('../../kernel/cgroup/fixtures/enter-scope.mjs', import.meta.url))

interface Answer {
  given?: string
  why: string
}

/** With `script` for a busctl, or with none, and a bus that the environment speaks of. */
async function ask(script: string | undefined, bus = 'unix:path=/nowhere'): Promise<Answer> {
  const directory = mkdtempSync(join(tmpdir(), 'corral-busctl-'))
  try {
    chmodSync(directory, 0o755)
    if (script !== undefined)
      writeFileSync(join(directory, 'busctl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    // Nothing but the script: this machine may have a busctl
    const env = { PATH: directory, DBUS_SESSION_BUS_ADDRESS: bus }
    const asking = spawn(process.execPath, [fixture], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    return JSON.parse(await output(asking.stdout)) as Answer
  } finally {
    rmSync(directory, { recursive: true })
  }
}

// Words of a call: what follows `--timeout=5`
const CALL = 'case "$*" in'
const PID_IS = (pid: string) => `*GetConnectionUnixProcessID*) echo "u ${pid}";;`
const ANSWERS = '*Version*) echo "s \\"999\\"";;'

test.for<[string, string | undefined, RegExp]>([
  ['there is no busctl', undefined, /the user manager: busctl is not installed/],
  [
    'the bus refuses',
    'echo "Call failed: Access denied" >&2; exit 1',
    /the user manager: Call failed: Access denied/,
  ],
  ['busctl says nothing', 'exit 1', /the user manager: Command failed: busctl/],
  [
    'the manager is in another pid namespace',
    `${CALL} ${ANSWERS} ${PID_IS('1048576999')} esac`,
    /in another pid namespace \(its pid is 1048576999, and here that is no process\)/,
  ],
  [
    'somebody else has the pid of the manager',
    `${CALL} ${ANSWERS} ${PID_IS('$$')} esac`,
    /in another pid namespace \(its pid is \d+, and here that is (no process|\S+)\)/,
  ],
])('where %s, that is the reason', async ([, script, reason]) => {
  const { given, why } = await ask(script)
  expect(given).toBeUndefined()
  expect(why).toMatch(reason)
  expect(why).toContain('the system manager gives scopes to root only')
})

test('where nobody has told of a bus, busctl is not even started', async () => {
  const { why } = await ask('echo started >&2; exit 1', '')
  // A user who is logged in has a bus in its usual place
  const told = existsSync(`/run/user/${process.getuid?.()}/bus`)
    ? /^the user manager: started; the system manager/
    : /^uid \d+ has no user manager \(\/run\/user\/\d+\/bus is not there\); the system manager/
  expect(why).toMatch(told)
})

// Both wait for seconds: side by side
test.concurrent('where busctl hangs, it is killed in time', async ({ expect }) => {
  const { why } = await ask('exec /bin/sleep 1000')
  expect(why).toMatch(/the user manager: no answer within 6000 ms/)
})

test.concurrent('a manager that does not know OOMPolicy for scopes is asked without; one that does nothing is not waited for', async ({
  expect,
}) => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-manager-'))
  const program = join(directory, 'systemd')
  copyFileSync('/bin/sleep', program) // a process that looks like a manager of this pid namespace
  const manager = spawn(program, ['1000'], { stdio: 'ignore' })
  try {
    const start = `*StartTransientUnit*OOMPolicy*) echo "Cannot set property OOMPolicy, or unknown property." >&2; exit 1;;`
    const { given, why } = await ask(
      `${CALL} ${ANSWERS} ${PID_IS(`${manager.pid}`)} ${start} *StartTransientUnit*) echo 'o "/job/1"';; *) exit 7;; esac`,
    )
    expect(given).toBeUndefined()
    expect(why).toMatch(/the user manager: it has not moved this process to corral\.scope within 5000 ms/)
  } finally {
    manager.kill('SIGKILL')
    rmSync(directory, { recursive: true })
  }
})
