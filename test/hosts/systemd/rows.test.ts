// Where a gateway can be started on a machine with systemd, and what Corral does there: the rows of docs/hosts.md.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { BackendName } from '../../../src/index.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'
import { BEHAVIOUR, expectBehaviour, type Tests } from '../behaved.js'
import { note } from '../table-row.js'
import { type Doctor, type Facts, startGateway } from './gateway.js'
import { marked, nothingIsLeft, sleepers } from './left.js'
import { login, type Place, SYSTEM, service, TESTER, TESTERS, VISITOR } from './places.js'

const MIB = 2 ** 20

interface Row {
  place: Place
  kind: Facts['kind']
  /** The root, by its end. */
  root: RegExp
  /** With --all the behaviour tests are run in it, else those of the doctor's claims. */
  behaves?: boolean
}

const userScope = ({ uid }: { uid: number }) =>
  new RegExp(`/user@${uid}\\.service/app\\.slice/corral\\.scope$`)

const ROWS: Row[] = [
  {
    place: service('a service of a user, with the drop-in', TESTERS, { dropIn: true }),
    behaves: true,
    kind: 'own-cgroup',
    root: /\/user@2000\.service\/app\.slice\/corral-row\.service$/,
  },
  {
    place: service('a service of a user, as it comes', TESTERS, {}),
    kind: 'systemd',
    root: userScope(TESTER),
  },
  {
    place: login("a user's login (ssh, su -l)", VISITOR),
    kind: 'systemd',
    root: userScope(VISITOR),
    behaves: true,
  },
  {
    place: service('a system service with User=, with the drop-in', SYSTEM, {
      settings: [`User=${VISITOR.name}`],
      dropIn: true,
    }),
    behaves: true,
    kind: 'own-cgroup',
    root: /\/system\.slice\/corral-row\.service$/,
  },
  {
    place: service('a system service with User=, who lingers and is not logged in (cron too)', SYSTEM, {
      settings: [`User=${TESTER.name}`],
    }),
    kind: 'systemd',
    root: userScope(TESTER),
  },
  {
    place: service('a system service of root, with the drop-in', SYSTEM, { dropIn: true }),
    kind: 'own-cgroup',
    root: /\/system\.slice\/corral-row\.service$/,
  },
  {
    place: service('a system service of root, as it comes', SYSTEM, {}),
    kind: 'mount',
    root: /^\/sys\/fs\/cgroup$/,
  },
]

describe.each(ROWS)('a gateway in $place.name', ({ place, kind, root, behaves }) => {
  test('finds its root, has a hog killed whole at its cap, and goes on', async (context) => {
    await using gateway = await startGateway(place, { doctor: true })
    const { facts, mark } = gateway
    const doctor = await gateway.doctor()
    expect(facts.error).toBeUndefined()
    expect(facts).toMatchObject({
      kind,
      root: expect.stringMatching(root),
      hog: {
        limit: { name: 'memoryMax', requested: 64 * MIB, applied: 64 * MIB, enforcedBy: 'cgroup' },
        reason: 'memory-limit',
        of: 'session',
        usage: { oomGroupKills: 1 },
      },
    })
    expectAsClaimed(doctor, facts)
    if (kind !== 'mount') expect(facts.own).toBe(`${facts.root?.replace('/sys/fs/cgroup', '')}/supervisor`)
    // Those of the session that goes on; the hog's own went with it
    const daemons = async () => (await sleepers(mark)).length === 2
    await eventually('two daemons', daemons, { instead: () => marked(mark) })
    // Whatever systemd does with the groups of its units, the sessions stay as they are
    const before = readFileSync(`${facts.session}/in/cgroup.procs`, 'utf8')
    await place.reload()
    expect(readFileSync(`${facts.session}/in/cgroup.procs`, 'utf8')).toBe(before)
    note(
      context,
      place.name,
      { root: kind, cap: facts.hog.limit.enforcedBy, hog: facts.hog.reason },
      doctor.text,
    )
  })

  endings(place)
  behaviour(place, 'cgroup', behaves && process.env['CORRAL_TEST_ALL'] === '1' ? 'all' : 'claims')
})

describe('a gateway in a system service with User= whose user has no manager, as it comes', () => {
  const place = service(
    'a system service with User= who neither lingers nor is logged in, as it comes',
    SYSTEM,
    {
      settings: [`User=${VISITOR.name}`],
    },
  )

  test('has its sessions held by subreapers, and a hog ended by the watchdog', async (context) => {
    await using gateway = await startGateway(place, { doctor: true })
    const { facts, mark } = gateway
    const doctor = await gateway.doctor()
    expectAsClaimed(doctor, facts)
    expect(facts).toMatchObject({
      kind: 'none',
      own: '/system.slice/corral-row.service',
      hog: { limit: { name: 'memoryMax', enforcedBy: 'watchdog' }, reason: 'memory-limit', of: 'session' },
    })
    await eventually('two daemons', async () => (await sleepers(mark)).length === 2, {
      instead: () => marked(mark),
    })
    note(
      context,
      place.name,
      { root: facts.kind, cap: facts.hog.limit.enforcedBy, hog: facts.hog.reason },
      doctor.text,
    )
  })

  endings(place)
  behaviour(place, 'subreaper', 'claims')
})

/** The root, and who holds memory. What else the doctor claims is tried by behaviour(). */
function expectAsClaimed({ diagnosis }: Doctor, { root, hog }: Facts): void {
  expect({ root: diagnosis.root ?? undefined, capped: diagnosis.canCapMemory }).toEqual({
    root,
    capped: hog.limit.enforcedBy === 'cgroup',
  })
}

/** What the doctor claims there is what happens, and sessions behave as anywhere. */
function behaviour(place: Place, backend: BackendName, tests: Tests): void {
  const what = tests === 'all' ? 'has sessions behave as anywhere, and ' : ''
  test(`${what}gets what the doctor claims`, { timeout: 400_000 * SLOWNESS }, async () => {
    const start = (variables: Record<string, string>, directory: string) => {
      const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
      return place.start(['/usr/bin/env', ...set, process.execPath, BEHAVIOUR, `${directory}/told`])
    }
    try {
      await expectBehaviour(place.name, { backend, tests }, start)
    } finally {
      await place.leave()
    }
  })
}

/** A gateway in that place is killed, and is stopped. */
function endings(place: Place): void {
  test('is killed: nothing is left', async (context) => {
    await using gateway = await startGateway(place)
    process.kill(gateway.facts.pid, 'SIGKILL')
    await nothingIsLeft(gateway.mark)
    note(context, place.name, { killed: 'nothing left' })
  })

  test('is stopped: nothing is left', async (context) => {
    await using gateway = await startGateway(place)
    await place.stop()
    await nothingIsLeft(gateway.mark)
    expect(await gateway.closed()).toEqual(['corral-closed'])
    note(context, place.name, { stopped: 'sessions closed, nothing left' })
  })
}
