// What `corral run` finds for itself where it can see no cgroup.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { lacks } from '../support/lacks.js'
import { CLI } from './command-line.js'

test('a subreaper holds the command where there is no cgroup, unless it has to be one', async ({ skip }) => {
  skip(lacks('namespaces'), 'no mount namespace can be made, to hide the cgroups from a process')
  const hidden = async (...options: string[]) => {
    const hide = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
    const script = 'cat /proc/$PPID/comm; exit 5'
    const words = [process.execPath, CLI, 'run', ...options, '--', 'sh', '-c', script]
    const child = spawn('unshare', ['--mount', 'sh', '-c', hide, 'sh', ...words], { stdio: 'pipe' })
    const [[status], stdout, stderr] = await Promise.all([
      once(child, 'exit'),
      text(child.stdout),
      text(child.stderr),
    ])
    return { status, stdout, stderr }
  }
  expect(await hidden()).toEqual({ status: 5, stdout: 'corral-holder\n', stderr: '' })
  expect(await hidden('--backend', 'cgroup')).toMatchObject({ status: 1, stdout: '' })
})
