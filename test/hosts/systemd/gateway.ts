// A gateway of fixtures/gateway.mjs in a place, and what it tells.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnosis } from '../../../src/doctor/doctor.js'
import type { AppliedLimit, Usage } from '../../../src/index.js'
import { eventually } from '../../support/eventually.js'
import { readTold } from '../told.js'
import { newMark } from './left.js'
import type { Place } from './places.js'

/** With a file to tell in, a mark and, to ask the doctor first, `doctor`. */
export const GATEWAY = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))

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

/** What the doctor says there, to programs and to people. */
export interface Doctor {
  diagnosis: Diagnosis
  text: string
}

export interface Gateway extends AsyncDisposable {
  facts: Facts
  /** By which its daemons can be told from other processes. */
  mark: string
  /** Rejects for one that was not started with `doctor`. */
  doctor(): Promise<Doctor>
  /** The reasons for which it closed its sessions when it was stopped, if it did. */
  closed(): Promise<string[] | undefined>
}

/** With `doctor` it asks that first. */
export async function startGateway(place: Place, { doctor = false } = {}): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-row-'))
  await chmod(directory, 0o777)
  const [file, mark] = [join(directory, 'facts'), newMark()]
  const end = async () => {
    await place.leave()
    await rm(directory, { recursive: true })
  }
  try {
    await place.start([process.execPath, GATEWAY, file, mark, ...(doctor ? ['doctor'] : [])])
    const facts = await eventually(`a gateway in ${place.name}`, () => readTold<Facts>(file), {
      everyMs: 20,
    })
    const closed = async () => (await readTold<{ reasons: string[] }>(`${file}.closed`))?.reasons
    const asked = async () => {
      const told = await readTold<Doctor>(`${file}.doctor`)
      if (!told) throw new Error('it did not ask the doctor')
      return told
    }
    return { facts, mark, closed, doctor: asked, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}
