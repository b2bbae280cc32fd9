// What is in the groups of a round: that there is nothing but what there was before.
import { isDeepStrictEqual } from 'node:util'
import { members, subtree } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import { describeAll } from '../../support/pen.js'
import type { Pens } from '../../support/pens.js'

/** The groups below both pens, with the processes that are in each of them, in both pens too. */
type Inventory = Map<string, number[]>

async function inventoryBelow(pen: string): Promise<[string, number[]][]> {
  const listed = (await subtree(pen)).map(async (group): Promise<[string, number[]]> => {
    const pids = await members(group, (candidate) => candidate === group)
    return [group, pids.sort((one, other) => one - other)]
  })
  return (await Promise.all(listed)).sort(([one], [other]) => (one < other ? -1 : 1))
}

export async function inventory({ gateways, root }: Pens): Promise<Inventory> {
  return new Map([...(await inventoryBelow(gateways.path)), ...(await inventoryBelow(root.path))])
}

/** What one has that the other has not, for messages: its groups, with those of their processes. */
async function surplus(one: Inventory, other: Inventory): Promise<Record<string, string[]>> {
  const more: Record<string, string[]> = {}
  for (const [group, pids] of one) {
    const unmatched = pids.filter((pid) => !other.get(group)?.includes(pid))
    if (unmatched.length > 0 || !other.has(group)) more[group] = await describeAll(unmatched)
  }
  return more
}

/** Resolves when there is exactly what there was; rejects with what is left, and what is missing. */
export async function onlyLeft(pens: Pens, before: Inventory, withinMs: number): Promise<void> {
  await eventually(
    'there is only what there was before',
    async () => isDeepStrictEqual(await inventory(pens), before),
    {
      withinMs,
      instead: async () => {
        const now = await inventory(pens)
        return { left: await surplus(now, before), missing: await surplus(before, now) }
      },
    },
  )
}
