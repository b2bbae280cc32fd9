// Who else starts or moves processes for a session, by what a host has: what receipts and the doctor say of them.
import { expect, test } from 'vitest'
import { type OthersFacts, tellOthers } from '../../src/backend/others.js'

const NOTHING: OthersFacts = {
  uid: 0,
  systemd: false,
  setuid: true,
  logind: false,
  pam: false,
  sockets: [],
  programs: [],
}
const LOGIND = { logind: true, pam: true, programs: ['/usr/bin/su'] }

const ROWS: [string, Partial<OthersFacts>, RegExp[]][] = [
  ['nothing', {}, []],
  ['logind with PAM, as root', LOGIND, [/^systemd-logind: .*left running.*without its mark/]],
  ['logind with PAM, as a user', { ...LOGIND, uid: 1000 }, [/^systemd-logind: .*another user’s/]],
  ['the same where setuid programs do nothing', { ...LOGIND, uid: 1000, setuid: false }, []],
  ['logind without PAM', { ...LOGIND, pam: false }, []],
  ['PAM without logind', { ...LOGIND, logind: false }, []],
  ['logind, and no su or sudo', { ...LOGIND, programs: [] }, []],
  [
    'the manager of the system, as root',
    { systemd: true, sockets: ['/run/systemd/private'] },
    [/^systemd: what the manager/],
  ],
  ['the same, as a user', { uid: 1000, systemd: true, sockets: ['/run/systemd/private'] }, []],
  [
    "the user's bus",
    { uid: 1000, systemd: true, sockets: ['/run/user/1000/bus'] },
    [/^systemd: what the user's manager/],
  ],
  ["the user's bus without systemd", { uid: 1000, sockets: ['/run/user/1000/bus'] }, []],
  ['cron and at', { programs: ['/usr/bin/crontab', '/usr/bin/at'] }, [/^cron: /, /^at: /]],
  ['docker', { sockets: ['/run/docker.sock'] }, [/^a container daemon: .*\(\/run\/docker\.sock\)$/]],
]

test.each(ROWS)('%s', (_, facts, expected) => {
  expect(tellOthers({ ...NOTHING, ...facts }, 'cgroup')).toEqual(
    expected.map((one) => expect.stringMatching(one)),
  )
})

test('what logind moves stays below a subreaper', () => {
  expect(tellOthers({ ...NOTHING, ...LOGIND }, 'subreaper')).toEqual([])
})
