// The pids controller: pids.max. Threads count.
import { type Controller, known, numberFile } from './controller.js'
import { parseNumber } from './file.js'

export const pids: Controller = {
  name: 'pids',
  limits: [numberFile('pidsMax', 'pids.max')],
  counters: ['pids.current', 'pids.peak'],
  usage(read) {
    return known({ pids: parseNumber(read('pids.current')), pidsPeak: parseNumber(read('pids.peak')) })
  },
}
