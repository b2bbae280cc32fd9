// Two pens for a gateway: one that it is in, and one that is the root of its sessions. Both are looked at, so that what is left
// is seen wherever it is.
import { withoutWardens } from './entered-pen.js'
import { eventually } from './eventually.js'
import { describeAll, type Pen } from './pen.js'
import { newPen } from './pen-test.js'

export interface Pens extends AsyncDisposable {
  /** Of the gateway, of its guard before it moves in and after it has moved out, and of what subreapers hold. */
  gateways: Pen
  root: Pen
}

function fail(note: string): never {
  throw new Error(note)
}

/** Where no cgroup can be made, a root skips the test when it is asked for its path. */
export async function makePens(skip: (note: string) => never = fail): Promise<Pens> {
  const gateways = await newPen('gateways', skip)
  const root = await newPen('root', skip)
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
export async function onlyLeft(pens: Pens, count: number, { atOnce = false } = {}): Promise<void> {
  const living = async () => withoutWardens(await inBoth(pens, (pen) => pen.members()))
  await eventually(`only ${count} processes are left`, async () => (await living()).length === count, {
    ...(atOnce && { withinMs: 0 }),
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
