// What doctor says to do is done here, and then is enough.
import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { parseHost, readHost } from '../../../src/doctor/host.js'
import { rootFix } from '../../../src/doctor/remedies.js'
import { lacks } from '../../support/lacks.js'
import { ONLY_ROOT, OTHER_UID } from '../../support/other-user.js'
import { test } from '../../support/pen-test.js'

const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const sh = (script: string) => promisify(execFile)('/bin/sh', ['-c', script]).catch((failed) => failed)

test.skipIf(lacks('root'))(
  `a directory that root gives to a user, where no systemd delegates (${ONLY_ROOT})`,
  async ({ pen }) => {
    const fix = rootFix({
      ...parseHost(readHost()),
      systemd: false,
      uid: OTHER_UID,
      container: null,
      wsl: false,
    })
    const [, make, start] = /`(mkdir .*?)`.*`(sh -c .*)`$/.exec(fix) ?? []
    const [, directory = ''] = /mkdir (\S+)/.exec(make ?? '') ?? []
    expect(directory).toMatch(/\/corral-root$/)
    const here = (text = '') =>
      text.replaceAll(directory, `${pen.path}/given`).replace('USER', String(OTHER_UID))
    for (const above of [dirname(pen.path), pen.path]) chmodSync(above, 0o711)
    await sh(here(make))
    const become = `setpriv --reuid ${OTHER_UID} --regid ${OTHER_UID} --clear-groups ${process.execPath} ${CLI} doctor`
    const { stdout } = await sh(here(start).replace(/exec su .*"…"/, `exec ${become}`))
    expect(stdout).toMatch(new RegExp(`^root +${pen.path}/given$`, 'm'))
    expect(stdout).toMatch(/^PASS +sessions can be held: /m)
  },
)
