// The memory controller: memory.max, memory.high, memory.swap.max.
import { type Controller, known, numberFile } from './controller.js'
import { readKeyed, readNumber } from './file.js'

export const memory: Controller = {
  name: 'memory',
  limits: [
    numberFile('memoryMax', 'memory.max'),
    numberFile('memoryHigh', 'memory.high'),
    numberFile('swapMax', 'memory.swap.max'),
  ],
  // Out of memory, a session dies whole. Only ever on a session: the kernel takes the highest ancestor with it.
  settings: [['memory.oom.group', '1']],
  usage(directory) {
    const max = readNumber(directory, 'memory.max')
    return known({
      memoryBytes: readNumber(directory, 'memory.current'),
      memoryPeakBytes: readNumber(directory, 'memory.peak'),
      memoryMaxBytes: max === Number.POSITIVE_INFINITY ? undefined : max,
      swapPeakBytes: readNumber(directory, 'memory.swap.peak'),
      // oom_kill counts processes killed; `oom` would count how often the limit was hit
      oomKills: readKeyed(directory, 'memory.events')?.get('oom_kill'),
    })
  },
}
