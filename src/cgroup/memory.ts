// The memory controller: memory.max, memory.high, memory.swap.max.
import { type Controller, known, numberFile } from './controller.js'
import { readKeyed, readNumber } from './file.js'

const PAGE_BYTES = 4096
// The kernel keeps limits in whole pages (mm/page_counter.c). Pages of 16 or 64 KiB are whole multiples of 4 KiB,
// so a value read back may be lower still; never higher.
const wholePages = (bytes: number) => Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES

export const memory: Controller = {
  name: 'memory',
  limits: [
    numberFile('memoryMax', 'memory.max', wholePages),
    numberFile('memoryHigh', 'memory.high', wholePages),
    numberFile('swapMax', 'memory.swap.max', wholePages),
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
