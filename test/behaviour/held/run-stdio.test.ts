// `corral run` is not there, as far as the command and whoever started it can tell from what they read and write.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import { CLI, corral, corralBytes, LIVING, running } from '../../cli/command-line.js'
import { runInPen } from '../../support/backend.js'
import { test } from '../../support/pen-test.js'

describe('corral run', () => {
  test('passes bytes of any kind to the command and back, up to their end', async ({ pen }) => {
    const input = randomBytes(3 << 20)
    const { status, bytes, stderr } = await corralBytes(['run', ...runInPen(pen), '--', 'cat'], { input })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(bytes.equals(input)).toBe(true)
  })

  test('keeps stdout and stderr apart, and adds nothing to them', async ({ pen }) => {
    const script = 'printf out; printf err >&2'
    const { status, stdout, stderr } = await corral(['run', ...runInPen(pen), '--', 'sh', '-c', script])
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'out', stderr: 'err' })
  })

  // Its own descriptor of the pipe is non-blocking: dd fails where it would wait
  const FULL = `mkfifo "$1/full"; exec 3<>"$1/full"; shift
    for size in 4096 1; do dd if=/dev/zero of=/dev/fd/3 oflag=nonblock bs=$size; done 2>/dev/null
    "$@" 2>&3; echo $?; "$@" 2>&-; echo $?`

  test('ends as the command did where nobody takes the summary', async ({ pen }) => {
    const directory = mkdtempSync(join(tmpdir(), 'corral-run-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const command = [CLI, 'run', ...runInPen(pen), '--summary', '--', 'sh', '-c', 'exit 5']
    const shell = spawn('sh', ['-c', FULL, 'sh', directory, process.execPath, ...command])
    onTestFinished(() => void shell.kill('SIGKILL'))
    expect(await text(shell.stdout)).toBe('5\n5\n')
  })

  test('lets the command answer while the input is open, and see its end', async ({ pen }) => {
    const { child, exited, says } = await running(pen, [], LIVING)
    child.stdin.write('first\n')
    await says(/^first$/)
    child.stdin.write('second\n')
    await says(/^second$/)
    child.stdin.end()
    expect(await exited).toEqual([0, null])
  })

  test('gives the command its own descriptors, not copies through pipes', async ({ pen }) => {
    const directory = mkdtempSync(join(tmpdir(), 'corral-run-'))
    const file = join(directory, 'out')
    const out = openSync(file, 'w')
    try {
      const args = [CLI, 'run', ...runInPen(pen), '--', 'readlink', '/proc/self/fd/1']
      const child = spawn(process.execPath, args, { stdio: ['ignore', out, 'inherit'] })
      expect(await once(child, 'exit')).toEqual([0, null])
      expect(readFileSync(file, 'utf8')).toBe(`${file}\n`)
    } finally {
      closeSync(out)
      rmSync(directory, { recursive: true })
    }
  })

  test('takes nothing of what stands after --', async ({ pen }) => {
    const args = ['--root', '--help', '--version', '--', '', 'a b', '*', 'é\n']
    const { stdout } = await corral(['run', ...runInPen(pen), '--', 'printf', '[%s]', ...args])
    expect(stdout).toBe(args.map((argument) => `[${argument}]`).join(''))
  })

  test('takes the first word that is no option of its own for the command', async ({ pen }) => {
    const { stdout } = await corral(['run', ...runInPen(pen), 'printf', '[%s]', '--root', '-x'])
    expect(stdout).toBe('[--root][-x]')
  })

  test('runs the command in the same directory, with the same environment', async ({ pen }) => {
    const script = 'pwd -P; printf %s "$CORRAL_TEST_WORD"'
    const { stdout } = await corral(['run', ...runInPen(pen), '--', 'sh', '-c', script], {
      cwd: '/usr',
      env: { CORRAL_TEST_WORD: 'kept' },
    })
    expect(stdout).toBe('/usr\nkept')
  })
})
