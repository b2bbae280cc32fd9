// corral metrics: all instances below the root for Prometheus, once or at an address.

import type { HoldingChoice } from '../backend/facts.js'
import type { GroupView, InstanceView, SessionView } from '../backend/outside.js'
import { InvalidArgumentError } from '../common/errors.js'
import { printable } from '../common/text.js'
import { exposition } from '../metrics/exposition.js'
import type { Measurement } from '../metrics/instruments.js'
import { countModes, measureSession } from '../metrics/sessions.js'
import { Observer } from '../observe/observer.js'
import { parseHostName } from './allowed-hosts.js'
import { linesOf, print } from './output.js'
import { parseAddress, serve } from './serve.js'

interface Held {
  name: string
  path: string
  group: GroupView
}

function heldIn({ key, path, group, children }: SessionView): Held[] {
  return [...(group ? [{ name: printable(key ?? path), path, group }] : []), ...children.flatMap(heldIn)]
}

function measureInstance({ instance, sessions }: InstanceView): Measurement[] {
  const labels = { corral_instance: instance }
  const held = sessions.flatMap(heldIn)
  const names = new Set<string>()
  return [
    ...countModes(
      held.map(({ group }) => group.mode),
      labels,
    ),
    ...held.flatMap(({ name, path, group: { processes, usage } }) => {
      // A name twice, which only a hostile payload brings about, would void the whole page
      const session = names.has(name) ? printable(path) : name
      names.add(session)
      return measureSession(processes, usage, { ...labels, session })
    }),
  ]
}

function measureAll(instances: InstanceView[]): Measurement[] {
  const live = instances.filter(({ alive }) => alive).length
  const states = { live, dead: instances.length - live }
  return [
    ...Object.entries(states).map(([state, value]) => ({
      name: 'instances' as const,
      labels: { state },
      value,
    })),
    ...instances.flatMap(measureInstance),
  ]
}

/** Prints them, or with `listen` serves them until SIGTERM or SIGINT. */
export async function metrics(options: {
  root?: string
  backend: HoldingChoice
  listen?: string
  allowHost: string[]
}): Promise<void> {
  const address = options.listen === undefined ? undefined : parseAddress('--listen', options.listen)
  const allowed = options.allowHost.map((name) => parseHostName('--allow-host', name))
  if (allowed.length > 0 && !(address && 'host' in address))
    throw new InvalidArgumentError('--allow-host needs --listen at a port')
  const page = async () => exposition(measureAll(await new Observer(options).list()))
  const first = await page() // what cannot be seen is told before anything is served
  if (address) await serve(address, page, allowed)
  else print(linesOf(first))
}
