// What the lists of test/skips say of a run: which of its skips are on them, and what stands on them in vain.
import { describe, expect, test } from 'vitest'
import { judge, kindOf, type Test } from '../../support/skips.mjs'

const ENDINGS = 'test/behaviour/held/endings/endings.test.ts'
const one = (name: string, state: Test['state'] = 'skipped', file = ENDINGS): Test => ({
  backend: 'cgroup',
  file,
  name,
  state,
})
const HELD = 'in the same process nothing is left of > a daemon, held by a cgroup, after close'

describe('a test that was skipped', () => {
  test('is counted for the list that it is on, also by a pattern', () => {
    const { groups, unlisted } = judge([one(HELD)], ['root', 'cgroup'])
    expect(groups).toMatchObject([{ lack: 'cgroup', count: 1 }])
    expect(unlisted).toEqual([])
  })

  test.each([
    ['this host does not lack what its list is for', one(HELD), ['root']],
    ['its name is on none', one('held by a cgroup'), ['cgroup']],
    ['a pattern is only part of its name', one(`not ${HELD}`), ['cgroup']],
    ['it is in another file', one(HELD, 'skipped', 'test/unit/key.test.ts'), ['cgroup']],
  ])('is told of where %s', (_, skipped, lacks) => {
    expect(judge([skipped], lacks).unlisted).toEqual([skipped])
  })
})

test('a pattern of which all have run is to be taken off its list, and so is what is no more', () => {
  const { spare } = judge([one(HELD, 'passed')], ['cgroup'])
  expect(spare).toContain(
    `cgroup.json: cgroup ${ENDINGS}: in * nothing is left of > *, held by a cgroup, * was not skipped`,
  )
  expect(spare).toContainEqual(expect.stringMatching(/ is no more$/))
})

test('a kind of host is known by what it lacks, programs that can be installed aside', () => {
  const hybrid = ['memory', 'pids', 'cpu', 'io.weight', 'lower-oom-score']
  expect(kindOf(hybrid)).toBe('root-hybrid')
  expect(kindOf([...hybrid, 'strace'])).toBe('root-hybrid')
  expect(kindOf([...hybrid, 'root'])).toBeUndefined()
})
