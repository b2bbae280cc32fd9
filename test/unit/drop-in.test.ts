// The drop-in for a gateway's unit. Whether systemd takes it is tested in test/hosts/systemd.
import { describe, expect, test } from 'vitest'
import { dropInFor } from '../../src/doctor/drop-in.js'
import { InvalidArgumentError } from '../../src/index.js'

describe('the drop-in', () => {
  test.for([
    ['gateway', false, 'gateway.service', 'systemctl edit gateway.service'],
    ['gateway.service', true, 'gateway.service', 'systemctl --user edit gateway.service'],
    ['gate@way-1', false, 'gate@way-1.service', 'systemctl edit gate@way-1.service'],
  ] as const)('of %s (user: %s) is for %s', ([name, user, unit, edit]) => {
    const dropIn = dropInFor(name, { user })
    expect(dropIn).toMatchObject({ unit, edit })
    expect(dropIn.text.split('\n').slice(0, 2)).toEqual([`# ${edit}`, '[Service]'])
  })

  test('has a reason above each line', () => {
    const [, ...paragraphs] = dropInFor('gateway', { user: false }).text.split(/\[Service\]\n|\n\n/)
    const lines = paragraphs.map((paragraph) => paragraph.split('\n'))
    expect(lines.map((paragraph) => paragraph.at(-1))).toEqual([
      'Delegate=yes',
      'DelegateSubgroup=supervisor',
      'OOMPolicy=continue',
      'KillMode=mixed',
    ])
    for (const paragraph of lines) {
      expect(paragraph.length).toBeGreaterThan(1)
      for (const line of paragraph.slice(0, -1)) expect(line).toMatch(/^# \S/)
    }
  })

  test.for(['', '-x', 'a/b', 'a b', 'a;b', 'x'.repeat(256), 'gateway.timer', 'gateway.scope'])(
    'is refused for %j, with what to give instead',
    (name) => {
      const error = (() => {
        try {
          return dropInFor(name, { user: false })
        } catch (refusal) {
          return refusal
        }
      })()
      expect(error).toBeInstanceOf(InvalidArgumentError)
      expect((error as InvalidArgumentError).hint).toMatch(/Use a name|Use the name/)
    },
  )
})
