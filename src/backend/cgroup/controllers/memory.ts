// The memory controller: memory.max, memory.high, memory.swap.max.
import os from 'node:os'
import { parseKeyed, parseNumber } from '../../../linux/file.js'
import { type Controller, capFile, known } from './controller.js'

export const memory: Controller = {
  name: 'memory',
  enforcedBy: 'cgroup',
  limits: [
    capFile('memoryMax', 'memory.max', os.totalmem),
    capFile('memoryHigh', 'memory.high', os.totalmem),
    capFile('swapMax', 'memory.swap.max'),
  ],
  // Out of memory, a session dies whole. Only ever on a session: the kernel takes the highest ancestor with it.
  settings: [['memory.oom.group', '1']],
  counters: [
    'memory.max',
    'memory.current',
    'memory.peak',
    'memory.swap.peak',
    'memory.events',
    'memory.stat',
  ],
  gauges: ['memory.max', 'memory.current', 'memory.peak'],
  usage(read) {
    const events = read('memory.events')
    const max = parseNumber(read('memory.max'))
    return known({
      memoryBytes: parseNumber(read('memory.current')),
      memoryPeakBytes: parseNumber(read('memory.peak')),
      memoryMaxBytes: max === Number.POSITIVE_INFINITY ? undefined : max,
      sharedBytes: parseKeyed(read('memory.stat'), 'shmem'),
      swapPeakBytes: parseNumber(read('memory.swap.peak')),
      // oom_kill counts processes killed; `oom` would count how often the limit was hit
      oomKills: parseKeyed(events, 'oom_kill'),
      oomGroupKills: parseKeyed(events, 'oom_group_kill'),
      memoryMaxHits: parseKeyed(events, 'max'),
      memoryHighHits: parseKeyed(events, 'high'),
    })
  },
  oom: {
    kills: (read) => parseKeyed(read('memory.events'), 'oom_kill'),
    atCap: (read) => parseKeyed(read('memory.events.local'), 'oom') ?? 0, // cgroup-v2.rst
    cap: (read) => parseNumber(read('memory.max')) ?? Number.POSITIVE_INFINITY,
  },
}
