import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { testParent } from '../../support/cgroup-mount.js'
import { eventually } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { makePen } from '../../support/pen.js'
import { endSuiteRoot } from '../../support/suite-root.js'

describe.skipIf(lacks('cgroup'))('the end of a run', () => {
  test('passes when nothing was left behind', async () => {
    const root = await makePen(inject('suiteRoot'), 'run')
    await endSuiteRoot(root)
    await expect(access(root.path)).rejects.toThrow('ENOENT')
  })

  test('fails, names and removes what was left behind', async () => {
    const root = await makePen(inject('suiteRoot'), 'run')
    await mkdir(join(root.path, 'forgotten'))
    const { pid } = root.spawn('sleep', ['30'], { stdio: 'ignore' })
    await eventually('it sleeps', async () => (await root.members()).length === 1)
    const end = await endSuiteRoot(root).catch((error: Error) => error)
    expect(end).toMatchObject({ message: expect.stringContaining(`process ${pid} `) })
    expect(end).toMatchObject({ message: expect.stringContaining(join(root.path, 'forgotten')) })
    await expect(access(root.path)).rejects.toThrow('ENOENT')
  })
})

describe('the parent of all tests', () => {
  afterEach(() => void vi.unstubAllEnvs())

  test.skipIf(lacks('cgroup'))('is the directory that CORRAL_TEST_ROOT names', async () => {
    vi.stubEnv('CORRAL_TEST_ROOT', inject('suiteRoot'))
    expect(await testParent()).toBe(inject('suiteRoot'))
  })

  test('is none where it names none', async () => {
    vi.stubEnv('CORRAL_TEST_ROOT', 'none')
    expect(await testParent()).toBeUndefined()
  })

  test('is refused with what has to be done when it is no cgroup', async () => {
    vi.stubEnv('CORRAL_TEST_ROOT', '/usr')
    await expect(testParent()).rejects.toThrow(/CORRAL_TEST_ROOT.*\/usr.*Delegate=yes/s)
  })
})
