import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { test } from '../../support/pen-test.js'

const sleepIn = (group: string) => ['-c', 'echo 0 >"$0/cgroup.procs" && exec sleep 30', group]

describe('a pen', () => {
  test('has the command inside before it runs', async ({ pen }) => {
    const child = pen.spawn('cat', ['/proc/self/cgroup'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [printed] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
    expect(String(printed)).toContain(pen.path.split('/').at(-1))
  })

  test('counts the processes of groups below it, threaded ones too', async ({ pen }) => {
    const below = join(pen.path, 'below')
    const threads = join(below, 'threads')
    await mkdir(threads, { recursive: true })
    await writeFile(join(threads, 'cgroup.type'), 'threaded')
    const pids = [below, threads].map(
      (group) => pen.spawn('/bin/sh', sleepIn(group), { stdio: 'ignore' }).pid,
    )
    const inBelow = async () =>
      (await readFile(join(below, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean)
    await eventually(
      'the group above the threaded one lists both',
      async () => (await inBelow()).length === 2,
    )
    expect((await pen.members()).sort()).toEqual(pids.sort())
    await expect(readFile(join(threads, 'cgroup.procs'))).rejects.toThrow()
  })

  test('refuses to be removed while anybody lives in it, and says who', async ({ pen }) => {
    const { pid } = pen.spawn('sleep', ['30'], { stdio: 'ignore' })
    await eventually('it sleeps', async () => (await pen.members()).length === 1)
    await expect(pen.remove(100)).rejects.toThrow(String(pid))
  })

  test('kills the frozen and removes what is below it', async ({ pen }) => {
    const ice = join(pen.path, 'ice')
    await mkdir(join(ice, 'deep'), { recursive: true })
    pen.spawn('/bin/sh', sleepIn(join(ice, 'deep')), { stdio: 'ignore' })
    await eventually('it sleeps', async () => (await readFile(join(ice, 'deep/cgroup.procs'), 'utf8')) !== '')
    await writeFile(join(ice, 'cgroup.freeze'), '1')
    await pen.kill()
    expect(await pen.members()).toEqual([])
    expect(await pen.groups()).toEqual([ice, join(ice, 'deep')])
    await pen.remove()
    await expect(readFile(join(pen.path, 'cgroup.procs'))).rejects.toThrow('ENOENT')
  })
})
