// A gateway of fixtures/gateway.mjs in a place, and what it tells.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AppliedLimit, Usage } from '../../../src/index.js'
import { eventually } from '../../support/eventually.js'
import { readTold } from '../told.js'
import { newMark } from './left.js'
import type { Place } from './places.js'

const FIXTURE = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))

export interface Facts {
  pid: number
  /** What openCorral() rejected with; what follows is absent then. */
  error?: string
  kind: string
  /** Absent where there is none, and subreapers hold the sessions. */
  root?: string
  /** The cgroup of the gateway itself, once it has opened. */
  own: string
  hog: { limit: AppliedLimit; reason: string; of: string; usage: Usage }
  /** The group of the session that goes on, or /proc/PID of its holder. */
  session: string
}

export interface Gateway extends AsyncDisposable {
  facts: Facts
  /** By which its daemons can be told from other processes. */
  mark: string
  /** The reasons for which it closed its sessions when it was stopped, if it did. */
  closed(): Promise<string[] | undefined>
}

export async function startGateway(place: Place): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-row-'))
  await chmod(directory, 0o777)
  const [file, mark] = [join(directory, 'facts'), newMark()]
  const end = async () => {
    await place.leave()
    await rm(directory, { recursive: true })
  }
  try {
    await place.start([process.execPath, FIXTURE, file, mark])
    const facts = await eventually(`a gateway in ${place.name}`, () => readTold<Facts>(file), {
      withinMs: 20_000,
      everyMs: 20,
    })
    const closed = async () => (await readTold<{ reasons: string[] }>(`${file}.closed`))?.reasons
    return { facts, mark, closed, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}
