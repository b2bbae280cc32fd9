// The file of a ledger: what it may be, what happens where it cannot be written, and that others rotate it. And lines of sessions whose
// gateway is dead.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test as plain } from 'vitest'
import { loadNative } from '../../src/native/addon.js'
import { corral as command } from '../cli/command-line.js'
import { SLOWNESS } from '../support/eventually.js'
import { Gateway } from '../support/gateway.js'
import { Hangs, noHungFileSystem } from '../support/hangs.js'
import { linesIn, newLedger } from '../support/ledger-lines.js'
import { openInPen } from '../support/open-in-pen.js'
import { isRoot, ONLY_ROOT, OTHER_UID } from '../support/other-user.js'
import { test } from '../support/pen-test.js'
import { makePens } from '../support/pens.js'

const append = (file: string, lines: string) => loadNative().appendToLedger(file, lines)
const text = (file: string) => readFileSync(file, 'utf8')

/** A file system of one page, where the ledger is; `options`: of mount(8). */
async function onOwnFileSystem(file: string, options: string): Promise<string> {
  const mount = join(dirname(file), 'mount')
  await mkdir(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'corral-test', mount])
  onTestFinished(() => void execFileSync('umount', [mount]))
  return join(mount, 'ledger')
}

describe('the file', () => {
  plain.each([
    ['a symbolic link', (file: string) => symlinkSync('elsewhere', file), 'ELOOP', 'open'],
    ['a FIFO', (file: string) => void execFileSync('mkfifo', [file]), 'EINVAL', 'check kind'],
    ['a directory', (file: string) => mkdir(file), 'EISDIR', 'open'],
  ])('%s is not written to', async (_, make, code, syscall) => {
    const file = await newLedger()
    await make(file)
    await expect(append(file, '{}\n')).rejects.toMatchObject({
      syscall,
      message: expect.stringContaining(syscall),
    })
    await expect(append(file, '{}\n')).rejects.toMatchObject({
      errno: -{ ELOOP: 40, EINVAL: 22, EISDIR: 21 }[code as 'ELOOP'],
    })
  })

  plain.skipIf(!isRoot)(`that of another user is not written to (${ONLY_ROOT})`, async () => {
    const file = await newLedger()
    writeFileSync(file, '')
    chownSync(file, OTHER_UID, OTHER_UID)
    await expect(append(file, '{}\n')).rejects.toMatchObject({ syscall: 'check owner' })
    expect(text(file)).toBe('')
  })

  plain('may be rotated: moved away, removed or emptied', async () => {
    const file = await newLedger()
    await append(file, '{"n":1}\n')
    renameSync(file, `${file}.1`)
    await append(file, '{"n":2}\n{"n":3}\n')
    rmSync(file)
    await append(file, '{"n":4}\n')
    truncateSync(file)
    await append(file, '{"n":5}\n')
    expect([text(`${file}.1`), text(file)]).toEqual(['{"n":1}\n', '{"n":5}\n'])
  })

  plain('a line that was cut is left to itself', async () => {
    const file = await newLedger()
    await append(file, '{"n":1}\n')
    appendFileSync(file, '{"n":')
    await append(file, '{"n":2}\n')
    expect(text(file)).toBe('{"n":1}\n{"n":\n{"n":2}\n')
  })

  plain.skipIf(!isRoot)(`a full disk costs lines and nothing else (${ONLY_ROOT})`, async () => {
    const file = await onOwnFileSystem(await newLedger(), 'size=4k')
    const line = `{"n":"${'x'.repeat(3000)}"}\n`
    await append(file, line)
    await expect(append(file, line)).rejects.toMatchObject({ syscall: 'write' })
    truncateSync(file, 3005)
    await append(file, '{"n":3}\n')
    expect(text(file).split('\n').slice(1)).toEqual(['{"n":3}', ''])
  })

  plain.skipIf(!isRoot)(`one that is mounted read-only is refused (${ONLY_ROOT})`, async () => {
    const file = await onOwnFileSystem(await newLedger(), 'ro')
    await expect(append(file, '{}\n')).rejects.toMatchObject({ syscall: 'open', errno: -30 })
  })

  plain('RLIMIT_FSIZE ends nobody', async () => {
    const file = await newLedger()
    const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
    const program = `import { openCorral } from '${library}'
      const tell = (data) => console.log(data.err?.systemCode)
      const logger = { debug() {}, info() {}, warn: tell, error() {} }
      const corral = await openCorral({ backend: 'passthrough', ledger: '${file}', logger })
      for (let nth = 0; nth < 2; nth++) await (await corral.spawn({ command: 'true' })).closed
      await corral.close()`
    const words = ['--fsize=100', process.execPath, '--input-type=module', '-e', program]
    const { stdout, stderr, status } = spawnSync('prlimit', words, { encoding: 'utf8' })
    // The first is cut at the limit, the second is beyond it
    expect({ stdout, stderr, status }).toEqual({ stdout: 'ENOSPC\nEFBIG\n', stderr: '', status: 0 })
  })

  const hangs = noHungFileSystem()
  test.skipIf(hangs !== undefined)('one that hangs holds up no ending', async ({ pen }) => {
    await using hung = await Hangs.make()
    const told: string[] = []
    const silent = () => undefined
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (_: object, text: string) => void told.push(text),
    }
    const corral = await openInPen(pen, { ledger: join(hung.directory, 'mount', 'ledger'), logger })
    const ends = async () => (await (await corral.spawn({ command: 'true' })).closed).closeMs
    await ends()
    expect(await ends()).toBeLessThan(1000 * SLOWNESS) // nobody waits any more
    expect(told).toContain('ledger not written')
    const words = ['run', '--root', pen.path, '--ledger', join(hung.directory, 'mount', 'other')]
    expect(await command([...words, '--', 'echo', 'done'])).toMatchObject({ status: 0, stdout: 'done\n' })
  })
})

const sessions = [
  { key: 'mother', command: 'sleep', args: ['1000'] },
  { key: 'child', parentKey: 'mother', command: 'sh', args: ['-c', 'exec sleep 1000'] },
]
const found = [
  { key: 'mother', parentKey: null, command: 'sleep', reason: 'gateway-gone', exitCode: null },
  { key: 'child', parentKey: 'mother', command: 'sh', reason: 'gateway-gone', exitCode: null },
]

describe('a gateway that was killed', () => {
  plain('with its guard: the next sweep writes into its own ledger', async ({ skip }) => {
    await using pens = await makePens(skip)
    const [first, ledger] = [await newLedger(), await newLedger()]
    const gateway = await Gateway.open(pens.gateways, { root: pens.root.path, ledger: first })
    for (const session of sessions) await gateway.spawn(session)
    await gateway.killWithGuard(pens.root.path)
    const { status, stderr } = await command(['sweep', '--root', pens.root.path, '--ledger', ledger])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const killed = { writer: 'sweep', killed: 1, killedNames: ['sleep'] }
    expect(linesIn(ledger)).toMatchObject(found.map((one) => ({ ...one, ...killed })))
    expect(linesIn(first)).toEqual([])
  })
})
