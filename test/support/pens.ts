// Two pens for a gateway: one that it is in, and one that is the root of its sessions. Both are looked at, so that what is left
// is seen wherever it is.
import { inject } from 'vitest'
import { withoutWardens } from './entered-pen.js'
import { eventually } from './eventually.js'
import { COUNTS_BY_NAMESPACE, namespacePen } from './namespace-pen.js'
import { describeAll, makePen, type Pen } from './pen.js'
import './suite-root.js'

export interface Pens extends AsyncDisposable {
  /** Of the gateway, of its guard before it moves in and after it has moved out, and of what subreapers hold. */
  gateways: Pen
  root: Pen
}

/** Where no cgroups can be made there is one pen, that of the namespace. */
export async function makePens(): Promise<Pens> {
  if (COUNTS_BY_NAMESPACE) {
    const pen = await namespacePen()
    return { gateways: pen, root: pen, [Symbol.asyncDispose]: () => pen[Symbol.asyncDispose]() }
  }
  const gateways = await makePen(inject('suiteRoot'), 'gateways')
  const root = await makePen(inject('suiteRoot'), 'root')
  return {
    gateways,
    root,
    // The gateways first: one that lives would put another guard into the root
    [Symbol.asyncDispose]: async () => {
      await gateways[Symbol.asyncDispose]()
      await root[Symbol.asyncDispose]()
    },
  }
}

const inBoth = async <One>({ gateways, root }: Pens, look: (pen: Pen) => Promise<One[]>) => [
  ...new Set([...(await look(gateways)), ...(await look(root))]),
]

/** Resolves when nobody lives in the pens but so many, without those who guard or hold; rejects with who does. */
export async function onlyLeft(pens: Pens, count: number): Promise<void> {
  const living = async () => withoutWardens(await inBoth(pens, (pen) => pen.members()))
  await eventually(`only ${count} processes are left`, async () => (await living()).length === count, {
    withinMs: 0,
    instead: async () => describeAll(await living()),
  })
}

/** Resolves when there is no process in the pens, guards included, and no group below them; rejects with what there is. */
export async function nothingLeft(pens: Pens): Promise<void> {
  const processes = () => inBoth(pens, (pen) => pen.everybody())
  const groups = () => inBoth(pens, (pen) => pen.groups())
  const bare = async () => (await groups()).length === 0 && (await processes()).length === 0
  await eventually('no process and no directory is left', bare, {
    instead: async () => ({ processes: await describeAll(await processes()), groups: await groups() }),
  })
}
