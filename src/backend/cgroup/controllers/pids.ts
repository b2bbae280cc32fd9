// The pids controller: pids.max. Threads count.

import { parseKeyed, parseNumber } from '../../../linux/file.js'
import { type Controller, capFile, known } from './controller.js'

export const pids: Controller = {
  name: 'pids',
  enforcedBy: 'cgroup',
  limits: [capFile('pidsMax', 'pids.max')],
  counters: ['pids.current', 'pids.peak', 'pids.events'],
  gauges: [],
  usage(read) {
    return known({
      pids: parseNumber(read('pids.current')),
      pidsPeak: parseNumber(read('pids.peak')),
      pidsMaxHits: parseKeyed(read('pids.events'), 'max'),
    })
  },
}
