// The memory controller: memory.max, memory.high, memory.swap.max.
import { type Controller, known, numberFile } from './controller.js'
import { parseKeyed, parseNumber } from './file.js'

export const memory: Controller = {
  name: 'memory',
  limits: [
    numberFile('memoryMax', 'memory.max'),
    numberFile('memoryHigh', 'memory.high'),
    numberFile('swapMax', 'memory.swap.max'),
  ],
  // Out of memory, a session dies whole. Only ever on a session: the kernel takes the highest ancestor with it.
  settings: [['memory.oom.group', '1']],
  counters: ['memory.max', 'memory.current', 'memory.peak', 'memory.swap.peak', 'memory.events'],
  usage(read) {
    const max = parseNumber(read('memory.max'))
    return known({
      memoryBytes: parseNumber(read('memory.current')),
      memoryPeakBytes: parseNumber(read('memory.peak')),
      memoryMaxBytes: max === Number.POSITIVE_INFINITY ? undefined : max,
      swapPeakBytes: parseNumber(read('memory.swap.peak')),
      // oom_kill counts processes killed; `oom` would count how often the limit was hit
      oomKills: parseKeyed(read('memory.events'))?.get('oom_kill'),
    })
  },
}
