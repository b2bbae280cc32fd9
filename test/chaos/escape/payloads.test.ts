// The payloads are what their table says: as many as it counts, hidden where they say, and ended by a kill of
// the pen alone.
import { once } from 'node:events'
import { describe, expect } from 'vitest'
import { lacks, NO_CGROUP, OUTRUN } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import { test } from '../../support/pen-test.js'
import {
  commandOf,
  HIDDEN_OR_NOT,
  type Leader,
  needsGroup,
  outrunsPen,
  settled,
  tableHere,
} from './payload-table.js'

describe.each<Leader>(['stay', 'leave'])('with the leader told to %s', (leader) => {
  test.for(tableHere)('the pen holds %s', async ([, payload], { pen, skip }) => {
    skip(needsGroup(payload) && lacks('cgroup'), NO_CGROUP)
    skip(outrunsPen(payload), OUTRUN)
    const { command, args } = await commandOf(payload, leader)
    const child = pen.spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    if (!child.stdout) throw new Error(`${command} has no stdout`)
    const gone = once(child, 'exit')
    const said = await line(child.stdout, HIDDEN_OR_NOT)
    if (said !== 'hidden') skip(said)
    if (leader === 'leave') expect(await gone).toEqual([0, null])
    await settled(payload, () => pen.path)
    const living = (await pen.members()).length
    if (payload.hidden === undefined) expect(living).toBeGreaterThan(0)
    else expect(living).toBe(payload.hidden + (leader === 'stay' ? 1 : 0))
    await pen.kill()
    expect(await pen.members()).toEqual([])
  })
})
